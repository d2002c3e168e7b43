/** Declarations checked by themselves: every parameter and every dim is a symbol. */
import type { Declaration } from '../../grammar/ast.ts'
import { symbol, symbolsOf } from '../../plan/dim.ts'
import { body } from './context/body.ts'
import { complain, elaborate, originOf, type Context, type Frame } from './context/context.ts'
import { remember } from './static/exact.ts'
import type { CallTerm, GivenTerm } from './model.ts'
import type { Module } from './modules/modules.ts'
import { givens, newState, settle } from './routing/policy.ts'
import { typed } from './expressions/bind.ts'
import { accepts, checkRange, scalarType } from './expressions/parameters.ts'
import { mixedRows, wantExpertOutputs } from './types/rows.ts'
import { createScope } from './context/scope.ts'
import { PLAIN } from './routing/selection.ts'
import { dtypeOf, openShape } from './types/shapes.ts'
import { parameter as symbolOf } from './static/static.ts'
import { trainOf } from './train/train.ts'
import { ofStatic, ofTerm, typeText, UNKNOWN } from './context/value.ts'

/** The symbol of the axes that `...` stands for, when nothing is known of them. */
const LEADING = symbol('...')

export function rootFrame(context: Context, module: Module, declaration: Declaration): Frame {
  return {
    context,
    module,
    declaration,
    chain: [declaration],
    scope: createScope(null),
    path: [],
    loops: [],
    bank: null,
    leading: [],
    steps: [],
    policy: null,
    isTraining: false,
    branches: [],
  }
}

/** Binds every parameter to a symbol. */
export function bindSymbols(frame: Frame): void {
  const { parameters } = frame.declaration
  for (const parameter of parameters) {
    const { name, span } = parameter
    const first = frame.scope.bindings.get(name.text)
    if (first !== undefined)
      complain(frame, {
        code: 'SMOE2003',
        message: `${name.text} is already a parameter`,
        span: name.span,
        related: [{ span: first.span, message: 'the first' }],
      })
    const type = scalarType(frame, parameter, true)
    if (parameter.type.kind !== 'tensor-type')
      frame.scope.bindings.set(name.text, {
        value: type === null ? UNKNOWN : ofStatic(symbolOf(name.text, type)),
        span,
        mutable: false,
      })
  }
  for (const { name, type, span } of parameters) {
    if (type.kind !== 'tensor-type') continue
    const [shape, dtype] = [openShape(frame, type), dtypeOf(frame, type)]
    const given: GivenTerm | null =
      shape === null || dtype === null ? null : { kind: 'given', name: name.text, shape, dtype, origin: originOf(frame, span) }
    frame.scope.bindings.set(name.text, { value: given === null ? UNKNOWN : ofTerm(given), span, mutable: false })
  }
}

/** Checks the types of defaults and ranges, and the one against the other where both are numbers. */
function checkDefaults(frame: Frame): void {
  for (const parameter of frame.declaration.parameters) {
    const { range, default: given } = parameter
    for (const bound of [range?.low ?? null, range?.high ?? null]) if (bound !== null) wantNumeric(frame, bound)
    const type = scalarType(frame, parameter, false)
    const value = given === null ? UNKNOWN : elaborate(frame, given)
    if (given === null || value.kind === 'unknown') continue
    if (parameter.type.kind === 'tensor-type') {
      typed(frame, parameter.type, value, given.span, parameter.name.text)
      continue
    }
    if (type === null) continue
    if (value.kind !== 'static' || !accepts(type, value.static.type)) {
      complain(frame, {
        code: 'SMOE3003',
        message: `${parameter.name.text} is ${type}, but its default is ${typeText(value)}`,
        span: given.span,
      })
    } else checkRange(frame, frame, parameter, value.static, given.span)
  }
}

function wantNumeric(frame: Frame, bound: Parameters<typeof elaborate>[1]): void {
  const value = elaborate(frame, bound)
  const isNumber = value.kind === 'static' && (value.static.type === 'int' || value.static.type === 'real')
  if (value.kind !== 'unknown' && !isNumber)
    complain(frame, {
      code: 'SMOE3003',
      message: `the end of a range must be a number, not ${typeText(value)}`,
      span: bound.span,
    })
}

/** Reports the mistakes of a declaration that do not depend on arguments. */
export function checkAlone(context: Context, module: Module, declaration: Declaration): void {
  const frame: Frame = {
    ...rootFrame(context, module, declaration),
    leading: declaration.parameters.some(({ type }) => type.kind === 'tensor-type' && type.anyLeading) ? [LEADING] : [],
  }
  switch (declaration.declares) {
    case 'policy':
      return policyAlone(frame)
    case 'expert':
      return expertAlone(frame)
    case 'fn':
    case 'block':
      bindSymbols(frame)
      checkDefaults(frame)
      body(frame)
      return
    case 'model':
      bindSymbols(frame)
      checkDefaults(frame)
      context.walk.statements(frame, declaration.body)
      trainOf(frame, declaration)
      return
    default:
      return declaration.declares satisfies never
  }
}

function policyAlone(frame: Frame): void {
  const [tokens, width, count] = ['T', 'D', 'E'].map(symbol)
  // parameters that take the place of these have symbols of their own
  const isTaken = (name: string): boolean => frame.declaration.parameters.some((one) => one.name.text === name)
  const [sequences, length] = ['B', 'S'].map((name) => symbol(isTaken(name) ? `${name} of the layer` : name))
  const { span } = frame.declaration.name
  const rows: GivenTerm = { kind: 'given', name: 'x', shape: [tokens, width], dtype: 'f32', origin: originOf(frame, span) }
  const ids: GivenTerm = { kind: 'given', name: 'ids', shape: [tokens], dtype: 'i32', origin: originOf(frame, span) }
  for (const name of [tokens, sequences, length].flatMap(symbolsOf)) frame.context.runDims.add(name)
  remember({ numerator: tokens, divisor: sequences, quotient: length }, frame.context.quotients)
  const { scope } = givens(frame, { rows, leading: [sequences, length], count, width, bank: null, requirements: [] }, span)
  scope.bindings.set('ids', { value: ofTerm(ids), span, mutable: false })
  const state = newState({ count, width, bank: null }, tokens, PLAIN)
  const inner: Frame = { ...frame, scope: createScope(scope), policy: state, steps: state.steps }
  bindSymbols(inner)
  checkDefaults(inner)
  settle(inner)
}

function expertAlone(frame: Frame): void {
  const first = frame.declaration.parameters.find(({ type }) => type.kind === 'tensor-type')
  const inner: Frame = { ...frame, bank: { count: symbol('number of experts'), depth: 0 } }
  bindSymbols(inner)
  checkDefaults(inner)
  const { name } = frame.declaration
  const given = first === undefined ? undefined : inner.scope.bindings.get(first.name.text)?.value
  if (first === undefined || (given?.kind === 'tensor' && given.term.shape.length !== 2)) {
    complain(frame, {
      code: 'SMOE3001',
      message: 'the first parameter of an expert is its rows, as in x: f32[T, D]',
      span: first?.span ?? name.span,
    })
    return
  }
  const result = body(inner)
  if (result.kind !== 'tensor' || given?.kind !== 'tensor' || given.term.kind !== 'given') return
  const { term } = result
  const made: CallTerm = {
    kind: 'call',
    name: name.text,
    declares: 'expert',
    doc: '',
    path: [],
    arguments: [],
    steps: [],
    result: term,
    shape: term.shape,
    dtype: term.dtype,
    origin: term.origin,
  }
  mixedRows(inner, made, given.term)
  const end = frame.declaration.body.findLast((statement) => statement.kind === 'return')
  wantExpertOutputs(inner, made, given.term, end?.value.span ?? name.span)
}
