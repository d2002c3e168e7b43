/** Policies: their implicit inputs, and what they select, weigh and keep on each path. */
import type { CallExpression } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { product, symbol, type Dim } from '../../../plan/dim.ts'
import { body } from '../context/body.ts'
import { enter } from '../expressions/call.ts'
import { claimPath } from '../weights/claims.ts'
import { complain, originOf, type Frame, type PolicyState, type Shaping } from '../context/context.ts'
import { equalSizes } from '../static/exact.ts'
import type { ExpertBank, GivenTerm, Policy, Selection, Step, Term } from '../model.ts'
import { requirement, type Requirement } from './requirements.ts'
import { createScope, type Scope } from '../context/scope.ts'
import { biasOf } from './selection.ts'
import { int } from '../static/static.ts'
import { ofStatic, ofTerm, UNKNOWN, type Value } from '../context/value.ts'
import { wanted } from './wanted.ts'
import { AT_INFERENCE, routeIn, settledIn } from './forms.ts'

/** The implicit inputs of a policy. */
export interface Routed {
  /** x: f32[T, D]; null where the type of the input is unknown. */
  readonly rows: GivenTerm | null
  /** The axes whose product T is. */
  readonly leading: readonly Dim[]
  readonly count: Dim
  /** The width of an expert's output. */
  readonly width: Dim
  /** Null where the experts are not known. */
  readonly bank: ExpertBank | null
  readonly requirements: readonly Requirement[]
}

/**
 * x, ids, E, T and D; and B and S, sequences and the tokens of each: T is B * S, and all axes before those of the tokens count as
 * B.
 */
export function givens(frame: Frame, { rows, leading, count }: Routed, span: Span): { scope: Scope; ids: Policy['ids'] } {
  const scope = createScope(null)
  const give = (name: string, value: Value): void => void scope.bindings.set(name, { value, span, mutable: false })
  give('E', ofStatic(int(count)))
  if (rows === null) {
    for (const name of ['x', 'T', 'D', 'B', 'S', 'ids']) give(name, UNKNOWN)
    return { scope, ids: null }
  }
  const [tokens, width] = rows.shape
  give('x', ofTerm(rows))
  give('T', ofStatic(int(tokens)))
  give('D', ofStatic(int(width)))
  give('B', ofStatic(int(product(leading.slice(0, -1)))))
  give('S', ofStatic(int(leading.at(-1)!)))
  const input = frame.context.inputs.find(
    ({ dtype, shape }) => dtype === 'i32' && shape.length === leading.length && product(shape) === product(leading),
  )
  if (input === undefined) return { scope, ids: null }
  const given: GivenTerm = { kind: 'given', name: 'ids', shape: [tokens], dtype: 'i32', origin: originOf(frame, span) }
  give('ids', ofTerm(given))
  return { scope, ids: { given, input } }
}

export function newState(experts: PolicyState['experts'], tokens: Dim, shaping: Shaping): PolicyState {
  const steps: Step[] = []
  return {
    select: null,
    count: null,
    weights: null,
    keep: null,
    blocks: [],
    own: steps,
    steps,
    isBroken: false,
    experts,
    tokens,
    shaping,
    bias: null,
    isBranch: false,
  }
}

const shapingOf = (all: readonly Requirement[]): Shaping => {
  const groups = requirement(all, 'groups')
  return {
    groups: groups === null ? null : { count: groups.groups, keep: groups.keep },
    isByExperts: requirement(all, 'expert-choice') !== null,
  }
}

export interface Settled {
  /** Null after a mistake. */
  readonly policy: Policy | null
  /** How many experts it selects, where that is known. */
  readonly selected: Dim | null
}

const NOTHING: Settled = { policy: null, selected: null }

/** Checks the policy of a moe. */
export function policyOf(frame: Frame, call: CallExpression, routed: Routed): Settled {
  const found = wanted(frame, call, 'policy')
  if (found === null) return NOTHING
  const { scope, ids } = givens(frame, routed, call.span)
  const entered = enter(frame, found, call, { first: null, bank: null, givens: scope, label: call.label?.text ?? 'router' })
  if (entered === null) return NOTHING
  const { callee, bound } = entered
  const { reporter, weights } = frame.context
  const before = reporter.count
  const weightsBefore = weights.length
  const state = newState(
    { count: routed.count, width: routed.width, bank: routed.bank },
    routed.rows?.shape[0] ?? symbol('T'),
    shapingOf(routed.requirements),
  )
  const biased = requirement(routed.requirements, 'bias-balanced')
  if (biased !== null) state.bias = biasOf({ ...callee, steps: state.steps }, routed.count, biased.span)
  const settled = reporter.during(call.span, call.callee.text, () => settle({ ...callee, policy: state, steps: state.steps }))
  if (weights.length > weightsBefore) claimPath(frame, callee.path, call.label?.span ?? call.callee.span, call.callee.text)
  const selected = state.count ?? state.blocks.find(({ count }) => count !== null)?.count ?? null
  if (settled === null || reporter.count > before) return { policy: null, selected }
  const { declaration } = found
  const policy: Policy = {
    name: declaration.name.text,
    doc: declaration.doc.join('\n'),
    path: callee.path,
    origin: originOf(callee, call.span),
    parameters: bound.facts,
    ids,
    ...settled,
    inference: routeIn(settled, AT_INFERENCE),
  }
  return { policy, selected }
}

/** Checks a policy's body and reports what is missing in inference or in a `when training`. */
export function settle(frame: Frame): Pick<Policy, 'own' | 'blocks'> | null {
  const state = frame.policy!
  body(frame)
  const { steps, select, weights, keep, blocks } = state
  const settled = { own: { steps, select, weights, keep }, blocks }
  const forms = [AT_INFERENCE, ...blocks.map((_, block) => new Set([block]))]
  return forms.every((active) => isComplete(frame, settled, active)) ? settled : null
}

/** How messages call a form, where there are others. */
function formText({ blocks }: Pick<Policy, 'blocks'>, active: ReadonlySet<number>): string {
  if (blocks.length === 0) return ''
  if (active.size > 0) return ' when training'
  return blocks.some(({ otherwise: { select, weights } }) => select !== null || weights !== null)
    ? ' in else'
    : ' when not training'
}

function isComplete(frame: Frame, settled: Pick<Policy, 'own' | 'blocks'>, active: ReadonlySet<number>): boolean {
  const state = frame.policy!
  const { select, weights } = settledIn(settled, active)
  const isBroken = state.isBroken || frame.declaration.isPartial || state.blocks.some((block) => block.isBroken)
  const { name } = frame.declaration
  const when = formText(settled, active)
  if (select !== null && weights !== null) return isBroken || hasItsWeights(frame, select, weights, when)
  const lacks = [select === null ? 'selects no experts' : '', weights === null ? 'gives no weights' : '']
    .filter((text) => text !== '')
    .join(' and ')
  if (!isBroken) {
    const lines = [
      select === null ? ['`select top k by scores`'] : [],
      weights === null ? ['`weigh softmax(pick(scores, selected))`'] : [],
    ].flat()
    const help = `a policy must select and weigh on every path; write ${lines.join(' and then ')}`
    complain(frame, { code: 'SMOE2013', message: `${name.text} ${lacks}${when}`, span: name.span, help })
  }
  return false
}

/** Weights may stand after a `when training` that selects: they are of as many experts. */
function hasItsWeights(frame: Frame, { count }: Selection, weights: Term, when: string): boolean {
  if (equalSizes(weights.shape[1], count, frame.context.quotients)) return true
  const message = `${frame.declaration.name.text} selects ${count.key} experts${when} and weighs ${weights.shape[1].key}`
  complain(frame, { code: 'SMOE3001', message, span: weights.origin.span ?? frame.declaration.name.span })
  return false
}
