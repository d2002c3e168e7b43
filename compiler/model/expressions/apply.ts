/** Application of builtins: operands converted to one dtype, the result typed by the ops they expand to. */
import type { Span } from '../../../grammar/source.ts'
import { add as plus, constantValue, dim, product, symbolsOf, type Dim } from '../../../plan/dim.ts'
import type { DType } from '../../graph/vocabulary.ts'
import { infer } from '../../ops/infer.ts'
import type { TensorType } from '../../ops/record.ts'
import type { BuiltinProblem, Emit } from '../builtin/emit.ts'
import type { Options } from '../builtin/options.ts'
import { BUILTINS, type BuiltinName } from '../builtin/table.ts'
import { complain, folds, originOf, verify, wordsOf, type Frame } from '../context/context.ts'
import { canonical, divideSizes, equalSizes } from '../static/exact.ts'
import type { ApplyTerm, NumbersTerm, ScalarTerm, Term } from '../model.ts'
import { isCountable } from '../types/shapes.ts'
import { changesByStep, evaluate, evaluateSize, staticText, type Static } from '../static/static.ts'
import { runDimOf } from '../types/once.ts'
import { ofTerm, typeText, UNKNOWN, type Value } from '../context/value.ts'

/** An operand and its place in the text. */
export interface Operand {
  readonly value: Value
  readonly span: Span
}

const listed = (shape: readonly Dim[]): string => `[${shape.map((size) => size.key).join(', ')}]`

interface Typing {
  readonly emit: Emit<TensorType>
  readonly problem: () => BuiltinProblem | null
}

/** Notes the dims of the run that count sequences and positions. */
function noteSequences({ context: { runDims, sequences } }: Frame, { shape: [count, positions] }: TensorType): void {
  for (const name of symbolsOf(count)) if (runDims.has(name)) sequences.count.add(name)
  for (const name of symbolsOf(positions)) if (runDims.has(name)) sequences.positions.add(name)
}

/** The ops of a builtin over types alone; the first problem is kept. */
function typing(frame: Frame): Typing {
  let problem: BuiltinProblem | null = null
  const settle = (size: Dim): Dim => canonical(size, frame.context.quotients)
  const fail = (next: BuiltinProblem): void => {
    problem ??= next
  }
  const emit: Emit<TensorType> = {
    fail,
    settle,
    divide: (a, b) => divideSizes(a, b, frame.context.quotients),
    constant: (_, dtype) => ({ shape: [], dtype }),
    size: () => ({ shape: [], dtype: 'f32' }),
    random: (shape) => ({ shape, dtype: 'f32' }),
    cached(x) {
      const [sequences, positions, ...rest] = x.shape
      noteSequences(frame, x)
      return {
        shape: [sequences, frame.context.longest === null ? positions : dim(frame.context.longest), ...rest],
        dtype: 'f32',
      }
    },
    positions(x) {
      noteSequences(frame, x)
      return { shape: x.shape.slice(0, 2), dtype: 'i32' }
    },
    withPrevious(x, count) {
      noteSequences(frame, x)
      return { shape: [x.shape[0], settle(plus(count, x.shape[1])), ...x.shape.slice(2)], dtype: 'f32' }
    },
    reshape(x, shape) {
      const same = equalSizes(product(x.shape), product(shape), frame.context.quotients)
      if (!same)
        fail({
          message: `\`{0}\` is ${listed(x.shape)} and cannot be reshaped to ${listed(shape)}: the number of elements differs`,
        })
      return { shape, dtype: x.dtype }
    },
    topK(x, count) {
      const [known, width] = [constantValue(count), x.shape.at(-1)]
      if (width === undefined) fail({ message: '`{0}` is a scalar; top_k needs an axis' })
      if (known !== undefined && known < 1) fail({ message: `top_k selects 1 or more, not ${known}` })
      const atRun = symbolsOf(count).find((name) => frame.context.runDims.has(name))
      if (atRun !== undefined)
        fail({ message: `the number selected must be known at compile time, but ${atRun} is only known at run time` })
      verify(frame, (lookup) => {
        const [k, n] = [evaluateSize(count, lookup), width === undefined ? undefined : evaluateSize(width, lookup)]
        if (k !== undefined && n !== undefined && k > n) fail({ message: `top_k cannot select ${k} of ${n}` })
        return null
      })
      return { shape: [...x.shape.slice(0, -1), count], dtype: 'i32' }
    },
    make(op, inputs, params) {
      const type = problem === null ? infer(op, inputs, params) : { error: '' }
      if (!('error' in type)) return { shape: type.shape.map(settle), dtype: type.dtype }
      fail({ message: type.error })
      return inputs[0] ?? { shape: [], dtype: 'f32' }
    },
  }
  return { emit, problem: () => problem }
}

const DTYPES: Readonly<Record<Static['type'], readonly DType[]>> = {
  int: ['i32', 'f32'],
  real: ['f32'],
  bool: ['bool'],
  string: [],
}

/** The numbers that an element can be; those of bool are true and false. */
const HOLDS: Readonly<Record<DType, (value: number) => boolean>> = {
  f32: (value) => Number.isFinite(Math.fround(value)),
  i32: (value) => Number.isInteger(value) && Math.abs(value + 0.5) < 2 ** 31,
  bool: () => true,
}
const SPANS: Readonly<Record<DType, string>> = {
  f32: '-3.4028235e38 to 3.4028235e38',
  i32: '-2147483648 to 2147483647',
  bool: 'true and false',
}

/** Whether the dtype can represent a number, if the number is known. */
const isHeld = (frame: Frame, value: Static, dtype: DType, span: Span): boolean =>
  verify(frame, (lookup) => {
    const known = evaluate(value, lookup, folds)
    if (typeof known !== 'number' || HOLDS[dtype](known)) return null
    const shown = wordsOf(span) === String(known) ? '' : ` is ${known},`
    return {
      code: 'SMOE4006',
      message: `\`${wordsOf(span)}\`${shown || ' is'} out of range: ${dtype} holds ${SPANS[dtype]}`,
      span,
    }
  })

/** A number among tensors, in their dtype; null if it cannot be represented. */
function scalar(frame: Frame, value: Static, dtype: DType, span: Span): ScalarTerm | null {
  if (!DTYPES[value.type].includes(dtype)) return null
  isHeld(frame, value, dtype, span)
  return { kind: 'scalar', value, shape: [], dtype, origin: originOf(frame, span) }
}

/** The dtype numbers take beside these operands. */
function dtypeAmong(operands: readonly Operand[], joined: readonly boolean[]): DType {
  const first = operands.find(({ value }, i) => joined[i] && value.kind === 'tensor')
  if (first !== undefined && first.value.kind === 'tensor') return first.value.term.dtype
  const alone = operands.find(({ value }, i) => joined[i] && value.kind === 'static')
  return alone?.value.kind === 'static' && alone.value.static.type === 'bool' ? 'bool' : 'f32'
}

/** The operands as terms; null after a mistake. */
function termsOf(frame: Frame, operands: readonly Operand[], joined: readonly boolean[]): readonly Term[] | null {
  const dtype = dtypeAmong(operands, joined)
  const terms: Term[] = []
  for (const [i, { value, span }] of operands.entries()) {
    if (value.kind === 'unknown') continue
    if (value.kind === 'list') {
      complain(frame, { code: 'SMOE3003', message: `\`${wordsOf(span)}\` is a list, but a tensor is expected`, span })
      continue
    }
    const own =
      value.kind === 'static' && value.static.type === 'int' && !joined[i]
        ? 'i32'
        : value.kind === 'static' && !joined[i]
          ? DTYPES[value.static.type][0]
          : dtype
    const term = value.kind === 'tensor' ? value.term : own === undefined ? null : scalar(frame, value.static, own, span)
    if (term === null || (joined[i] && term.dtype !== dtype)) {
      const other = operands.find((one, j) => joined[j] && one.value.kind === 'tensor')
      const what = value.kind === 'tensor' ? value.term.dtype : typeText(value)
      complain(frame, {
        code: 'SMOE3002',
        span,
        message:
          other === undefined
            ? `\`${wordsOf(span)}\` is ${what}, but a tensor is expected`
            : `\`${wordsOf(span)}\` is ${what} but \`${wordsOf(other.span)}\` is ${dtype}`,
        help: value.kind === 'tensor' ? `cast(${wordsOf(span)}, "${dtype}") converts it` : null,
      })
      continue
    }
    terms.push(term)
  }
  return terms.length === operands.length ? terms : null
}

const fill = (message: string, operands: readonly Operand[]): string =>
  message.replace(/\{(\d+)\}/g, (_, i: string) => (operands[Number(i)] === undefined ? 'x' : wordsOf(operands[Number(i)].span)))

const CONDITIONS: readonly BuiltinName[] = ['and', 'or', 'not']
export const COMPARED = 'conditions are comparisons, as in `k > 0 and n > 0`'

/** Applies a builtin. `pattern` is the span of its pattern, quotes included, for builtins that have one. */
export function apply(
  frame: Frame,
  builtin: BuiltinName,
  operands: readonly Operand[],
  options: Options,
  span: Span,
  pattern: Span | null = null,
): Value {
  const record = BUILTINS[builtin]
  const joined = operands.map((_, i) => {
    const kind = (
      record.parameters.filter((one) => KINDS_OF_OPERANDS.includes(one.kind))[i] ??
      record.parameters.find((one) => one.kind === 'rest')
    )?.kind
    return kind !== 'lone'
  })
  const terms = termsOf(frame, operands, joined)
  if (terms === null) return UNKNOWN
  if (CONDITIONS.includes(builtin) && terms.some(({ dtype }) => dtype !== 'bool')) {
    const stray = terms.findIndex(({ dtype }) => dtype !== 'bool')
    return complain(frame, {
      code: 'SMOE3001',
      message: `\`${builtin}\` takes conditions, but \`${wordsOf(operands[stray].span)}\` is ${terms[stray].dtype}`,
      span,
      help: COMPARED,
    })
  }
  const settled = settleOptions(frame, options)
  const { emit, problem } = typing(frame)
  const types = terms.map(({ shape, dtype }) => ({ dtype, shape: shape.map((size) => canonical(size, frame.context.quotients)) }))
  const type = record.expand(emit, types, settled)
  const wrong = problem()
  if (wrong !== null) {
    const at =
      wrong.at !== undefined && pattern !== null
        ? { ...pattern, start: pattern.start + 1 + wrong.at[0], end: pattern.start + 1 + Math.max(wrong.at[1], wrong.at[0] + 1) }
        : span
    return complain(frame, {
      code: wrong.at === undefined ? 'SMOE3001' : 'SMOE3006',
      message: fill(wrong.message, operands),
      span: at,
    })
  }
  if (!isCountable(frame, type.shape, span)) return UNKNOWN
  const term: ApplyTerm = {
    kind: 'apply',
    builtin,
    operands: terms,
    options: settled,
    shape: type.shape,
    dtype: type.dtype,
    origin: originOf(frame, span),
  }
  return ofTerm(term)
}

const KINDS_OF_OPERANDS: readonly string[] = ['tensor', 'lone', 'tensors', 'rate']

function settleOptions(frame: Frame, options: Options): Options {
  const settle = (size: Dim): Dim => canonical(size, frame.context.quotients)
  return {
    ...options,
    dims: options.dims.map(settle),
    count: settle(options.count),
    sizes: Object.fromEntries(Object.entries(options.sizes).map(([name, size]) => [name, settle(size)])),
    slices: options.slices.map((slice) => ({ ...slice, start: settle(slice.start), size: settle(slice.size) })),
  }
}

/** A list of numbers as f32[N] or i32[N]; null where it is something else. */
function numbers(frame: Frame, items: readonly Value[], dtype: DType, span: Span, length: Dim): NumbersTerm | null {
  const values = items.flatMap((item) => (item.kind === 'static' && isKnown(frame, item.static) ? [item.static] : []))
  const terms = values.map((value) => scalar(frame, value, dtype, span))
  if (values.length === 0 || values.length < items.length || terms.includes(null)) return null
  return { kind: 'numbers', values, shape: [length], dtype, origin: originOf(frame, span) }
}

/** Whether a size is this number wherever it is known. */
function isOf(frame: Frame, size: Dim, count: number): boolean {
  let differs = false
  verify(frame, (lookup) => {
    const value = evaluateSize(size, lookup)
    differs ||= value !== undefined && value !== count
    return null
  })
  return !differs
}

const isKnown = (frame: Frame, value: Static): boolean => runDimOf(frame.context, value) === undefined && !changesByStep(value)

/**
 * A value as a tensor term: numbers become scalars, and a list of numbers one axis, whose size is `length` where the list is as
 * long as that.
 */
export function asTerm(frame: Frame, { value, span }: Operand, dtype: DType = 'f32', length: Dim | null = null): Term | null {
  if (value.kind === 'tensor') return value.term
  if (value.kind === 'unknown') return null
  if (value.kind === 'list') {
    const count = value.items.length
    const list = numbers(frame, value.items, dtype, span, length !== null && isOf(frame, length, count) ? length : dim(count))
    if (list !== null) return list
  }
  const term = value.kind === 'static' ? scalar(frame, value.static, dtype, span) : null
  if (term === null) {
    const what = value.kind === 'static' ? `${value.static.type} ${staticText(value.static)}` : typeText(value)
    complain(frame, { code: 'SMOE3003', message: `expected a tensor, not ${what}`, span })
  }
  return term
}
