/** Calls of builtin functions. */
import type { Argument, CallExpression, Expression } from '../../../grammar/ast.ts'
import type { Dim } from '../../../plan/dim.ts'
import { emptyTable } from '../../../plan/table.ts'
import type { DType } from '../../graph/vocabulary.ts'
import { MOST_ITERATIONS } from '../../ops/sinkhorn.ts'
import { apply, type Operand } from './apply.ts'
import { foldCall } from './arithmetic.ts'
import type { BuiltinParameter } from '../builtin/builtin.ts'
import { isFoldable } from '../builtin/fold.ts'
import { DEFAULTS, type Options } from '../builtin/options.ts'
import { BUILTINS, type BuiltinName } from '../builtin/table.ts'
import { complain, elaborate, valueOf, wordsOf, type Frame } from '../context/context.ts'
import { isForTraining, nearest } from '../context/names.ts'
import type { Static } from '../static/static.ts'
import { settingOf } from '../methods/method.ts'
import { int, real } from '../methods/setting.ts'
import { ofStatic, UNKNOWN, type Value } from '../context/value.ts'
import { wantExtent, wantNumber, wantRows, wantStatic } from '../types/compile-time.ts'

/** The argument of each parameter; null after a mistake. */
function match(
  frame: Frame,
  call: CallExpression,
  builtin: BuiltinName,
): ReadonlyMap<BuiltinParameter, readonly Argument[]> | null {
  const { parameters, signature } = BUILTINS[builtin]
  const given = new Map<BuiltinParameter, Argument[]>()
  const before = frame.context.reporter.count
  let at = 0
  for (const argument of call.arguments) {
    const parameter =
      argument.name === null
        ? parameters[at]
        : (parameters.find((one) => one.name === argument.name!.text && one.kind !== 'sizes') ??
          parameters.find((one) => one.kind === 'sizes'))
    if (parameter === undefined || (argument.name === null && parameter.kind === 'sizes')) {
      const { name } = argument
      if (name === null) complain(frame, { code: 'SMOE3005', message: `too many arguments: ${signature}`, span: argument.span })
      else
        complain(frame, {
          code: 'SMOE2008',
          message: `${call.callee.text} has no parameter ${name.text}: ${signature}`,
          span: name.span,
          ...nearest(name, () => parameters.map((one) => one.name)),
        })
      continue
    }
    if (argument.name === null && parameter.kind !== 'rest') at++
    const many = parameter.kind === 'rest' || parameter.kind === 'sizes'
    if (given.has(parameter) && !many)
      complain(frame, { code: 'SMOE3005', message: `${parameter.name} is given twice`, span: argument.span })
    given.set(parameter, [...(given.get(parameter) ?? []), argument])
  }
  const missing = parameters.find((one) => one.optional !== true && one.kind !== 'sizes' && !given.has(one))
  if (missing !== undefined && frame.context.reporter.count === before) {
    complain(frame, { code: 'SMOE3004', message: `${call.callee.text} needs ${missing.name}: ${signature}`, span: call.span })
  }
  return frame.context.reporter.count === before ? given : null
}

const DTYPE_NAMES: readonly string[] = ['f32', 'i32', 'bool']

/** The items of `[a, b]`; null after a mistake. */
function wantList<T>(frame: Frame, expression: Expression, item: (one: Expression) => T | null): readonly T[] | null {
  if (expression.kind !== 'list') {
    complain(frame, {
      code: 'SMOE3003',
      message: `expected a list, as in [${wordsOf(expression.span)}]`,
      span: expression.span,
    })
    return null
  }
  const items = expression.items.map(item)
  return items.every((one) => one !== null) ? (items as readonly T[]) : null
}

/** The options that a non-tensor argument sets; null after a mistake or if its value is not known yet. */
function option(frame: Frame, parameter: BuiltinParameter, args: readonly Argument[]): Partial<Options> | null {
  const { value } = args[0]
  switch (parameter.kind) {
    case 'axis': {
      const axis = wantNumber(frame, value, 'an axis')
      return axis === null ? null : { axis }
    }
    case 'keep': {
      const keep = wantStatic(frame, value, 'bool', 'keep')
      const known = keep === null ? undefined : valueOf(frame, keep)
      if (known !== undefined) return { keep: known === true }
      if (keep !== null && !frame.context.isAlone)
        complain(frame, { code: 'SMOE3008', message: 'keep must be the same in all iterations of a repeat', span: value.span })
      return null
    }
    case 'iterations': {
      const count = settingOf(frame, value, ITERATIONS, 'the number of iterations')
      const iterations = count === null ? null : wantNumber(frame, value, 'the number of iterations')
      // the default is used if the number is not known yet: no type depends on it
      return iterations === null ? {} : { iterations }
    }
    case 'tolerance': {
      const tolerance = settingOf(frame, value, TOLERANCE, 'the tolerance')
      const known = tolerance === null ? undefined : valueOf(frame, tolerance)
      if (typeof known === 'number') return { tolerance: known }
      if (tolerance !== null && !frame.context.isAlone)
        complain(frame, {
          code: 'SMOE3008',
          message: 'the tolerance must be the same in all iterations of a repeat',
          span: value.span,
        })
      return {}
    }
    case 'dtype': {
      if (value.kind === 'string' && DTYPE_NAMES.includes(value.value)) return { dtype: value.value as DType }
      complain(frame, {
        code: 'SMOE3007',
        message: `the dtype must be one of ${DTYPE_NAMES.map((name) => `"${name}"`).join(', ')}`,
        span: value.span,
      })
      return null
    }
    case 'dims': {
      const dims = wantList(frame, value, (item) => wantExtent(frame, item))
      return dims === null ? null : { dims }
    }
    case 'order': {
      const order = wantList(frame, value, (item) => wantNumber(frame, item, 'an axis'))
      return order === null ? null : { order }
    }
    case 'count': {
      const count = wantExtent(frame, value)
      return count === null ? null : { count }
    }
    case 'rows': {
      const count = wantRows(frame, value)
      return count === null ? null : { count }
    }
    case 'pattern':
      if (value.kind === 'string') return { pattern: value.value }
      complain(frame, { code: 'SMOE3003', message: 'the pattern must be a string, as in "b s d -> b d s"', span: value.span })
      return null
    case 'sizes': {
      const sizes = emptyTable<Dim>()
      for (const argument of args) {
        const size = wantExtent(frame, argument.value)
        if (size === null) return null
        sizes[argument.name!.text] = size
      }
      return { sizes }
    }
    case 'tensor':
    case 'lone':
    case 'tensors':
    case 'rest':
    case 'rate':
      return {}
    default:
      return parameter.kind satisfies never
  }
}

function operandsOf(frame: Frame, parameter: BuiltinParameter, args: readonly Argument[]): readonly Operand[] | null {
  switch (parameter.kind) {
    case 'tensor':
    case 'lone':
    case 'rest':
      return args.map(({ value }) => ({ value: elaborate(frame, value), span: value.span }))
    case 'tensors': {
      const list = args[0].value
      const items = wantList(frame, list, (item): Operand => ({ value: elaborate(frame, item), span: item.span }))
      if (items === null || items.length > 0) return items
      complain(frame, { code: 'SMOE3003', message: 'the list must have at least one tensor', span: list.span })
      return null
    }
    case 'rate': {
      const rate = settingOf(frame, args[0].value, RATE, 'the rate', true)
      return rate === null ? null : [{ value: ofStatic(rate), span: args[0].value.span }]
    }
    default:
      return []
  }
}

const ITERATIONS = int('the maximum number of iterations', null, { from: 1, to: MOST_ITERATIONS })
const TOLERANCE = real('the tolerance of the column sums', null)
const RATE = real('the fraction that is dropped', null, { to: 1, excludes: 'to' })

/** Random numbers are only drawn in training. */
function wantTraining(frame: Frame, { callee, span }: CallExpression): void {
  if (isForTraining(frame)) return
  complain(frame, {
    code: 'SMOE2016',
    message: `${callee.text} draws random numbers, which is only allowed in training`,
    span,
    help: 'use it in `when training` or in `train`; dropout and noisy do nothing at inference by themselves',
  })
}

/** Along an axis, or of two numbers known at compile time. */
const OF_TWO: Readonly<Partial<Record<BuiltinName, BuiltinName>>> = { min: 'minimum', max: 'maximum' }

function ofTwo(
  frame: Frame,
  { span }: CallExpression,
  builtin: BuiltinName,
  first: Operand,
  { value: expression }: Argument,
): Value {
  const second: Operand = { value: elaborate(frame, expression), span: expression.span }
  const numbers = [first, second].flatMap(({ value }) =>
    value.kind === 'static' && (value.static.type === 'int' || value.static.type === 'real') ? [value.static] : [],
  )
  return numbers.length === 2 ? foldCall(frame, builtin, numbers) : apply(frame, builtin, [first, second], DEFAULTS, span)
}

export function callBuiltin(frame: Frame, call: CallExpression, builtin: BuiltinName): Value {
  if (call.label !== null)
    complain(frame, {
      code: 'SMOE2009',
      message: `${call.callee.text} has no weights to name with \`as\``,
      span: call.label.span,
    })
  const given = match(frame, call, builtin)
  if (given === null) {
    // the arguments are checked nevertheless
    for (const { value } of call.arguments) elaborate(frame, value)
    return UNKNOWN
  }
  const { parameters, random } = BUILTINS[builtin]
  if (random === 'source') wantTraining(frame, call)
  // the amount of noise only matters in training
  const frameOf = (parameter: BuiltinParameter): Frame =>
    random === 'noise' && parameter !== parameters[0] ? { ...frame, isTraining: true } : frame
  const operands = parameters.flatMap((parameter) =>
    given.has(parameter) ? [operandsOf(frameOf(parameter), parameter, given.get(parameter)!)] : [],
  )
  const other = OF_TWO[builtin] === undefined ? undefined : given.get(parameters[1])?.[0]
  const [single] = operands[0] ?? []
  if (other !== undefined && other.name === null && single?.value.kind === 'static')
    return ofTwo(frame, call, OF_TWO[builtin]!, single, other)
  const parts = parameters.map((parameter) => (given.has(parameter) ? option(frame, parameter, given.get(parameter)!) : {}))
  if (operands.some((one) => one === null) || parts.some((part) => part === null)) return UNKNOWN
  const flat = (operands as (readonly Operand[])[]).flat()
  if (
    isFoldable(BUILTINS[builtin]) &&
    flat.every(({ value }) => value.kind === 'static' && (value.static.type === 'int' || value.static.type === 'real'))
  ) {
    return foldCall(
      frame,
      builtin,
      flat.map(({ value }) => (value as { readonly static: Static }).static),
    )
  }
  const pattern = call.arguments.find(({ value }) => value.kind === 'string' && parameters.some((one) => one.kind === 'pattern'))
  return apply(frame, builtin, flat, { ...DEFAULTS, ...Object.assign({}, ...parts) }, call.span, pattern?.value.span ?? null)
}
