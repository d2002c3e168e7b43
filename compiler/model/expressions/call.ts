/** Calls of declarations: the body is checked anew for the arguments, as if inlined. */
import type { CallExpression, DeclarationKind } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { body } from '../context/body.ts'
import { callBuiltin } from './builtin-call.ts'
import { claimPath } from '../weights/claims.ts'
import { FUNCTIONS } from '../builtin/table.ts'
import { complain, elaborate, originOf, type Bank, type Frame } from '../context/context.ts'
import { denseOf, onAxes } from './dense.ts'
import { everyExpert } from './every-expert.ts'
import type { CallTerm, Step } from '../model.ts'
import { declared, isBroken, type Declared } from '../modules/modules.ts'
import { unknownCallee } from '../context/names.ts'
import { bindParameters, matchArguments, type Bound, type Given } from './parameters.ts'
import { createScope, find, type Scope } from '../context/scope.ts'
import { closedShape, dtypeOf } from '../types/shapes.ts'
import { ofTerm, UNKNOWN, type Value } from '../context/value.ts'

const MOST_CALLS_DEEP = 200
/** The limit of expanded calls in one check: a call in a callee counts each time the callee is called. */
const MOST_CALLS = 20_000

const WITH_WEIGHTS: readonly DeclarationKind[] = ['fn', 'block', 'expert']

/** Why a declaration cannot be called at a place. */
const CALLABLE: Readonly<Record<DeclarationKind, readonly DeclarationKind[]>> = {
  fn: ['fn'],
  block: WITH_WEIGHTS,
  expert: WITH_WEIGHTS,
  policy: WITH_WEIGHTS,
  model: WITH_WEIGHTS,
}

const PLACES: Readonly<Record<DeclarationKind, string>> = {
  fn: 'is a fn',
  block: 'is a block, which has weights, and a fn has none',
  expert: 'is an expert, which has weights, and a fn has none',
  policy: 'is a policy; use it in moe, after `route`',
  model: 'is a model and cannot be called',
}

export function call(frame: Frame, expression: CallExpression): Value {
  const { callee } = expression
  const found = find(frame.scope, callee.text) === undefined ? calledHere(frame, callee.text) : undefined
  if (found === undefined) {
    if (callee.text === 'experts') return everyExpert(frame, expression)
    const builtin = find(frame.scope, callee.text) === undefined ? FUNCTIONS.get(callee.text) : undefined
    if (builtin !== undefined) return callBuiltin(frame, expression, builtin)
    const unknown = unknownCallee(frame, callee)
    // the arguments are checked nevertheless
    for (const { value } of expression.arguments) elaborate(frame, value)
    return unknown
  }
  const checkArguments = (): void => expression.arguments.forEach(({ value }) => elaborate(frame, value))
  if (isBroken(found)) return (checkArguments(), UNKNOWN)
  const { declares } = found.declaration
  if (!CALLABLE[frame.declaration.declares].includes(declares)) {
    checkArguments()
    return complain(frame, { code: 'SMOE2011', message: `${callee.text} ${PLACES[declares]}`, span: callee.span })
  }
  if (declares === 'expert') return callExpert(frame, found, expression)
  const made = instantiate(frame, found, expression, null)
  return made === null ? UNKNOWN : made.value
}

/** One network for all tokens, on the axes that they have. */
function callExpert(frame: Frame, found: Declared, expression: CallExpression): Value {
  const { label } = expression
  const dense = denseOf(frame, found.declaration, expression)
  if (dense === null) return UNKNOWN
  const setting: Setting = { first: dense.rows, bank: null, givens: null, label: label?.text ?? found.declaration.name.text }
  const made = instantiate(frame, found, { ...expression, arguments: dense.others }, setting)
  return made === null ? UNKNOWN : onAxes(frame, made.value, dense.leading, expression)
}

/** The declaration of a name. In a policy, another policy cannot be called, so its name means the builtin. */
function calledHere(frame: Frame, name: string): Declared | undefined {
  const found = declared(frame.module, name)
  const isPolicy = found !== undefined && !isBroken(found) && found.declaration.declares === 'policy'
  return isPolicy && frame.declaration.declares === 'policy' && FUNCTIONS.has(name) ? undefined : found
}

export interface Instance {
  readonly value: Value
  readonly term: CallTerm | null
  readonly bound: Bound
}

/** Surroundings of an instance that is no plain call. */
export interface Setting {
  /** The first tensor, where the surroundings give it. */
  readonly first: Given | null
  /** For an expert: where its weights lie with the others'. */
  readonly bank: Bank | null
  /** Names given besides the parameters. */
  readonly givens: Scope | null
  /** Replaces the callee's name in paths. */
  readonly label: string
}

/** The frame of a callee with its parameters bound; null after a mistake, which is reported. */
export function enter(
  frame: Frame,
  { declaration, module }: Declared,
  expression: CallExpression,
  setting: Setting | null,
): { callee: Frame; bound: Bound } | null {
  const { span } = expression
  const name = declaration.name.text
  const isRight = frame.context.isRight(declaration, module)
  if (frame.chain.includes(declaration)) {
    complain(frame, {
      code: 'SMOE2007',
      message: `${[...frame.chain.slice(frame.chain.indexOf(declaration)), declaration].map((one) => one.name.text).join(' calls ')}: recursion is not allowed`,
      span: expression.callee.span,
    })
    return null
  }
  frame.context.work.calls++
  if (frame.context.work.calls > MOST_CALLS) {
    if (frame.context.work.calls === MOST_CALLS + 1)
      complain(frame, {
        code: 'SMOE3014',
        message: `more than ${MOST_CALLS} calls are expanded; calls of calls double at every level`,
        span,
      })
    return null
  }
  if (frame.chain.length >= MOST_CALLS_DEEP) {
    complain(frame, { code: 'SMOE3014', message: `calls are nested ${MOST_CALLS_DEEP} deep`, span })
    return null
  }
  const implicit =
    setting === null || setting.first === null
      ? null
      : (declaration.parameters.find((one) => one.type.kind === 'tensor-type') ?? null)
  const { given, ok } = matchArguments(frame, declaration, expression.arguments, span, implicit)
  const path = declaration.declares === 'fn' ? frame.path : [...frame.path, setting?.label ?? expression.label?.text ?? name]
  const opened: Frame = {
    ...frame,
    module,
    declaration,
    chain: [...frame.chain, declaration],
    scope: createScope(setting?.givens ?? null),
    path,
    leading: [],
    steps: [],
    policy: null,
    bank: setting?.bank ?? frame.bank,
  }
  const all = implicit === null ? given : new Map([...given, [implicit.name.text, setting!.first!]])
  const bound = bindParameters(opened, frame, all, span)
  const callee = { ...opened, leading: bound.leading }
  if (ok && bound.ok && isRight) return { callee, bound }
  frame.context.broken.push(path.join('.'))
  return null
}

/** The value of a call of a fn, block or expert; null if it could not be checked. */
export function instantiate(frame: Frame, found: Declared, expression: CallExpression, setting: Setting | null): Instance | null {
  const { declaration } = found
  const { span, label } = expression
  if (label !== null && declaration.declares === 'fn') {
    complain(frame, {
      code: 'SMOE2009',
      message: `${declaration.name.text} is a fn and has no weights to name with \`as\``,
      span: label.span,
    })
  }
  const entered = enter(frame, found, expression, setting)
  if (entered === null) return null
  const { callee, bound } = entered
  // weights used in the arguments are not its own
  const weightsBefore = frame.context.weights.length
  const { reporter } = frame.context
  const before = reporter.count
  const result = reporter.during(span, declaration.name.text, () => body(callee))
  if (frame.context.weights.length > weightsBefore)
    claimPath(frame, callee.path, label?.span ?? expression.callee.span, declaration.name.text)
  if (reporter.count > before || result.kind === 'unknown') {
    frame.context.broken.push(callee.path.join('.'))
    return { value: standIn(callee, span), term: null, bound }
  }
  if (result.kind !== 'tensor') return { value: result, term: null, bound }
  const { term } = result
  const made: CallTerm = {
    kind: 'call',
    name: declaration.name.text,
    declares: declaration.declares as CallTerm['declares'],
    doc: declaration.doc.join('\n'),
    path: callee.path,
    arguments: bound.arguments,
    steps: callee.steps as readonly Step[],
    result: term,
    shape: term.shape,
    dtype: term.dtype,
    origin: originOf(callee, span),
  }
  return { value: ofTerm(made), term: made, bound }
}

/** A value of the declared type for a body that is wrong, so that what follows can be checked. */
function standIn(callee: Frame, span: Span): Value {
  const { result } = callee.declaration
  if (result === null || result.kind !== 'tensor-type') return UNKNOWN
  return callee.context.reporter.during(span, callee.declaration.name.text, () => {
    const [shape, dtype] = [closedShape(callee, result), dtypeOf(callee, result)]
    return shape === null || dtype === null
      ? UNKNOWN
      : ofTerm({ kind: 'given', name: 'unknown', shape, dtype, origin: originOf(callee, span) })
  })
}
