/** Parameters: arguments matched to them, kinds and ranges checked, dims bound. */
import type { Argument, Declaration, Expression, Parameter, RangeNode, TensorTypeNode } from '../../../grammar/ast.ts'
import { textOf, type Span } from '../../../grammar/source.ts'
import { asTerm } from './apply.ts'
import { complain, elaborate, folds, valueOf, verify, wordsOf, type Frame } from '../context/context.ts'
import type { ParameterFact, Term } from '../model.ts'
import { isLost, nearest } from '../context/names.ts'
import type { Problem } from '../modules/report.ts'
import { find } from '../context/scope.ts'
import { bindLost, dtypeOf, lengthOf, unify } from '../types/shapes.ts'
import { evaluate, staticText, type Lookup, type Static, type StaticType } from '../static/static.ts'
import { ofStatic, ofTerm, typeText, UNKNOWN, type Value } from '../context/value.ts'

const SCALARS: readonly StaticType[] = ['int', 'real', 'bool', 'string']

/** The type of a non-tensor parameter; null for tensors and after a mistake. */
export function scalarType(frame: Frame, { type }: Parameter, report: boolean): StaticType | null {
  if (type.kind === 'choice-type') return 'string'
  if (type.kind === 'tensor-type') return null
  const known = SCALARS.find((one) => one === type.name.text)
  if (known !== undefined) return known
  if (report && !isLost(frame, type.name.text)) {
    complain(frame, {
      code: 'SMOE3007',
      message: `unknown type ${type.name.text}`,
      span: type.span,
      ...nearest(
        type.name,
        () => SCALARS,
        'types are int, real, bool, string, choices such as "a" | "b", and tensors such as f32[N]',
      ),
    })
  }
  return null
}

export interface Given {
  readonly value: Value
  readonly span: Span
}

/** Arguments by the name of their parameter, evaluated in the caller's frame; missing and unknown ones are reported. */
export function matchArguments(
  frame: Frame,
  declaration: Declaration,
  args: readonly Argument[],
  callSpan: Span,
  implicit: Parameter | null,
): { readonly given: ReadonlyMap<string, Given>; readonly ok: boolean } {
  const { parameters } = declaration
  const callee = declaration.name.text
  const positional = parameters.filter((parameter) => parameter !== implicit)
  const given = new Map<string, Given>()
  let ok = true
  let isNamed = true
  const wrong = (problem: Problem): void => {
    complain(frame, problem)
    ok = false
    isNamed = false
  }
  args.forEach((argument, i) => {
    const value = elaborate(frame, argument.value)
    const { name } = argument
    const parameter = name === null ? positional[i] : positional.find((one) => one.name.text === name.text)
    if (value.kind === 'unknown') ok = false
    if (parameter === undefined) {
      const at = [{ span: declaration.name.span, message: `${callee} is declared here` }]
      if (name === null)
        wrong({ code: 'SMOE3005', message: `${callee} takes ${positional.length} arguments`, span: argument.span, related: at })
      else if (!isLost(frame, name.text) && !declaration.isPartial) {
        wrong({
          code: 'SMOE2008',
          message: `${callee} has no parameter ${name.text}`,
          span: name.span,
          related: at,
          ...nearest(
            name,
            () => positional.map((one) => one.name.text),
            positional.length === 0 ? null : `its parameters are ${positional.map((one) => one.name.text).join(', ')}`,
          ),
        })
      } else {
        ok = false
        isNamed = false
      }
    } else if (given.has(parameter.name.text))
      wrong({ code: 'SMOE3005', message: `${parameter.name.text} is given twice`, span: argument.span })
    else given.set(parameter.name.text, { value, span: argument.value.span })
  })
  const missing = positional.filter((one) => one.default === null && !given.has(one.name.text)).map((one) => one.name.text)
  if (missing.length > 0 && isNamed) {
    wrong({
      code: 'SMOE3004',
      message: `${callee} needs ${missing.join(' and ')}`,
      span: callSpan,
      related: [{ span: declaration.name.span, message: `${callee} is declared here` }],
    })
  }
  return { given, ok: ok && missing.length === 0 }
}

export interface Bound {
  readonly facts: readonly ParameterFact[]
  readonly arguments: readonly { readonly name: string; readonly value: Term | Static }[]
  /** The axes that `...` stands for. */
  readonly leading: Frame['leading']
  readonly ok: boolean
}

/**
 * Binds parameters and dims in the callee's frame. Mistakes in arguments are reported at the arguments, those in defaults at the
 * call.
 */
export function bindParameters(callee: Frame, caller: Frame, given: ReadonlyMap<string, Given>, callSpan: Span): Bound {
  const { declaration } = callee
  const facts = new Map<string, ParameterFact>()
  const tensors = new Map<string, Term>()
  let ok = true
  const inside = <T>(body: () => T): T => caller.context.reporter.during(callSpan, declaration.name.text, body)
  /** The numbers among the parameters that an expression names; of those of a default, the ones before it. */
  const scalarsIn = (expression: Expression, before: Parameter | null): readonly Parameter[] => {
    const end = before === null ? declaration.parameters.length : declaration.parameters.indexOf(before)
    const names = namesOf(expression)
    return declaration.parameters
      .slice(0, end)
      .filter(({ type, name }) => type.kind !== 'tensor-type' && names.includes(name.text))
  }
  const lose = (parameter: Parameter): void => {
    ok = false
    callee.scope.bindings.set(parameter.name.text, { value: UNKNOWN, span: parameter.span, mutable: false })
    if (parameter.type.kind === 'tensor-type') bindLost(callee, parameter.type)
  }
  const scalar = (parameter: Parameter): void => {
    const { text } = parameter.name
    if (callee.scope.bindings.has(text)) return
    const type = scalarType(callee, parameter, false)
    const argument = given.get(text)
    if (argument === undefined && parameter.default !== null) scalarsIn(parameter.default, parameter).forEach(scalar)
    const value = argument?.value ?? (parameter.default === null ? UNKNOWN : inside(() => elaborate(callee, parameter.default!)))
    if (type === null || value.kind === 'unknown') return lose(parameter)
    if (value.kind !== 'static' || !accepts(type, value.static.type)) {
      const span = argument?.span ?? callSpan
      const why = value.kind === 'tensor' && type !== 'string' ? `${type}, known at compile time` : type
      complain(caller, {
        code: 'SMOE3003',
        message: `${text} of ${declaration.name.text} must be ${why}, not ${typeText(value)}`,
        span,
        related: [{ span: parameter.span, message: 'declared here' }],
      })
      return lose(parameter)
    }
    callee.scope.bindings.set(text, { value: ofStatic(value.static), span: parameter.span, mutable: false })
    facts.set(text, factOf(callee, parameter, type, value.static))
  }
  const explicit = declaration.parameters.filter((one) => one.type.kind !== 'tensor-type' && given.has(one.name.text))
  explicit.forEach(scalar)
  let { leading } = callee
  /** Binds a tensor parameter to the term of `argument`, which the frame `from` has evaluated. */
  const tensor = (parameter: Parameter, node: TensorTypeNode, argument: Given | undefined, from: Frame): void => {
    // sizes may be parameters that have only a default
    for (const entry of node.shape) scalarsIn(entry, null).forEach(scalar)
    const dtype = dtypeOf(callee, node)
    const term = argument === undefined || dtype === null ? null : asTerm(from, argument, dtype, lengthOf(callee, node))
    if (term === null || argument === undefined) return lose(parameter)
    if (term.dtype !== dtype) {
      complain(from, {
        code: 'SMOE3002',
        message: `\`${wordsOf(argument.span)}\` is ${term.dtype}, but ${parameter.name.text} of ${declaration.name.text} is ${dtype}`,
        span: argument.span,
        related: [{ span: parameter.span, message: 'declared here' }],
      })
      return lose(parameter)
    }
    const wanted = `${parameter.name.text} of ${declaration.name.text}`
    if (!unify(callee, from, node, { term, span: argument.span, wanted })) return lose(parameter)
    if (node.anyLeading) leading = longer(leading, term.shape.slice(0, term.shape.length - node.shape.length))
    callee.scope.bindings.set(parameter.name.text, { value: ofTerm(term), span: parameter.span, mutable: false })
    tensors.set(parameter.name.text, term)
  }
  const omitted: (() => void)[] = []
  for (const parameter of declaration.parameters) {
    const { type, name } = parameter
    if (type.kind !== 'tensor-type') continue
    const [argument, value] = [given.get(name.text), parameter.default]
    if (argument !== undefined || value === null) tensor(parameter, type, argument, caller)
    else
      omitted.push(() =>
        inside(() => tensor(parameter, type, { value: elaborate(callee, value), span: value.span }, { ...callee, leading })),
      )
  }
  declaration.parameters.filter((one) => one.type.kind !== 'tensor-type').forEach(scalar)
  // defaults of tensors may use every number, and the tensors before them
  omitted.forEach((bind) => bind())
  for (const parameter of declaration.parameters) {
    const fact = facts.get(parameter.name.text)
    if (
      fact !== undefined &&
      !checkRange(callee, caller, parameter, fact.given, given.get(parameter.name.text)?.span ?? callSpan)
    )
      ok = false
  }
  const args = declaration.parameters.flatMap(({ name }): Bound['arguments'] => {
    const value = tensors.get(name.text) ?? facts.get(name.text)?.given
    return value === undefined ? [] : [{ name: name.text, value }]
  })
  return { facts: [...facts.values()], arguments: args, leading, ok }
}

const longer = <T>(a: readonly T[], b: readonly T[]): readonly T[] => (b.length > a.length ? b : a)

export const accepts = (wanted: StaticType, given: StaticType): boolean =>
  wanted === given || (wanted === 'real' && given === 'int')

export function factOf(frame: Frame, parameter: Parameter, type: StaticType, given: Static): ParameterFact {
  return {
    name: parameter.name.text,
    type,
    given,
    value: valueOf(frame, given),
    range: rangeText(parameter),
    doc: parameter.doc.join('\n'),
  }
}

function rangeText({ type, range }: Parameter): string {
  if (type.kind === 'choice-type') return type.options.map((option) => JSON.stringify(option.value)).join(' | ')
  return range === null ? '' : textOf(range.span).replace(/\s+/g, ' ')
}

/** Whether the value of a parameter is in its range or among its choices; `span` is the place of the value. */
export function checkRange(callee: Frame, caller: Frame, parameter: Parameter, given: Static, span: Span): boolean {
  const { type, name, range } = parameter
  const related = [{ span: parameter.span, message: 'declared here' }]
  if (type.kind === 'choice-type') {
    const choices = type.options.map((option) => option.value)
    return verify(caller, (lookup) => {
      const value = evaluate(given, lookup, folds)
      if (value === undefined || choices.includes(value as string)) return null
      return {
        code: 'SMOE4001',
        message: `${name.text} must be ${rangeText(parameter)}, not ${JSON.stringify(value)}`,
        span,
        related,
        ...nearest({ text: String(value) }, () => choices),
      }
    })
  }
  if (range === null) return true
  const [low, high] = [boundOf(callee, range.low), boundOf(callee, range.high)]
  return verify(caller, (lookup) => {
    const value = evaluate(given, lookup, folds)
    const [from, to] = [low, high].map((bound) => (bound === null ? undefined : evaluate(bound, lookup, folds))) as (
      number | undefined
    )[]
    const outside = typeof value === 'number' && ((from !== undefined && value < from) || (to !== undefined && value > to))
    if (!outside) return null
    const shown = `${from ?? (low === null ? '' : staticText(low))}..${to ?? (high === null ? '' : staticText(high))}`
    return {
      code: 'SMOE4001',
      message: `${name.text} = ${value} is not in ${shown}${valuesIn(callee, range, lookup)}`,
      span,
      related,
    }
  })
}

function boundOf(frame: Frame, bound: Expression | null): Static | null {
  const value = bound === null ? UNKNOWN : elaborate(frame, bound)
  return value.kind === 'static' ? value.static : null
}

/** ` (E = 8)`: the names of a range with their values. */
function valuesIn(frame: Frame, { low, high }: RangeNode, lookup: Lookup): string {
  const names = [low, high].flatMap((bound) => (bound === null ? [] : namesOf(bound)))
  const texts = [...new Set(names)].flatMap((name) => {
    const bound = find(frame.scope, name)?.value
    const value = bound?.kind === 'static' ? evaluate(bound.static, lookup, folds) : undefined
    return value === undefined ? [] : [`${name} = ${value}`]
  })
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`
}

function namesOf(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case 'name':
      return [expression.name.text]
    case 'unary':
      return namesOf(expression.operand)
    case 'binary':
      return [...namesOf(expression.left), ...namesOf(expression.right)]
    case 'call':
      return expression.arguments.flatMap(({ value }) => namesOf(value))
    case 'conditional':
      return [expression.condition, expression.then, expression.otherwise].flatMap(namesOf)
    default:
      return []
  }
}
