/** Policies: what a moe gives them, and what they settle on each path. */
import type { CallExpression } from '../../grammar/ast.ts'
import type { Span } from '../../grammar/source.ts'
import { product, symbol, type Dim } from '../../plan/dim.ts'
import { body } from './body.ts'
import { enter } from './call.ts'
import { claimPath } from './claims.ts'
import { complain, originOf, type Frame, type PolicyState, type Shaping } from './context.ts'
import type { ExpertBank, GivenTerm, Policy, Route, TrainingRoute } from './model.ts'
import { requirement, type Requirement } from './requirements.ts'
import { createScope, type Scope } from './scope.ts'
import { biasOf } from './selection.ts'
import { int } from './static.ts'
import { ofStatic, ofTerm, UNKNOWN, type Value } from './value.ts'
import { wanted } from './wanted.ts'

/** What a moe gives its policy. */
export interface Routed {
  /** x: f32[T, D]; null where the type of the input is unknown. */
  readonly rows: GivenTerm | null
  /** The axes whose product T is. */
  readonly leading: readonly Dim[]
  readonly count: Dim
  /** Of an expert's answer. */
  readonly width: Dim
  /** Null where the experts are not known. */
  readonly bank: ExpertBank | null
  readonly requirements: readonly Requirement[]
}

/** x, ids, E, T and D. */
export function givens(frame: Frame, { rows, leading, count }: Routed, span: Span): { scope: Scope; ids: Policy['ids'] } {
  const scope = createScope(null)
  const give = (name: string, value: Value): void => void scope.bindings.set(name, { value, span, mutable: false })
  give('E', ofStatic(int(count)))
  if (rows === null) {
    for (const name of ['x', 'T', 'D', 'ids']) give(name, UNKNOWN)
    return { scope, ids: null }
  }
  const [tokens, width] = rows.shape
  give('x', ofTerm(rows))
  give('T', ofStatic(int(tokens)))
  give('D', ofStatic(int(width)))
  const input = frame.context.inputs.find(({ dtype, shape }) => dtype === 'i32' && shape.length === leading.length && product(shape) === product(leading))
  if (input === undefined) return { scope, ids: null }
  const given: GivenTerm = { kind: 'given', name: 'ids', shape: [tokens], dtype: 'i32', origin: originOf(frame, span) }
  give('ids', ofTerm(given))
  return { scope, ids: { given, input } }
}

export const newState = (experts: PolicyState['experts'], tokens: Dim, shaping: Shaping): PolicyState => ({
  select: null, count: null, weights: null, keep: null, training: null, otherwise: null, steps: [], isBroken: false, experts, tokens, shaping, bias: null, isBranch: false,
})

const shapingOf = (all: readonly Requirement[]): Shaping => {
  const groups = requirement(all, 'groups')
  return {
    groups: groups === null ? null : { count: groups.groups, keep: groups.keep }, isByExperts: requirement(all, 'expert-choice') !== null,
  }
}

export interface Settled {
  /** Null after a mistake. */
  readonly policy: Policy | null
  /** How many experts it selects, where that is known. */
  readonly selected: Dim | null
}

const NOTHING: Settled = { policy: null, selected: null }

/** The policy of a moe worked out. */
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
  const state = newState({ count: routed.count, width: routed.width, bank: routed.bank }, routed.rows?.shape[0] ?? symbol('T'), shapingOf(routed.requirements))
  const biased = requirement(routed.requirements, 'bias-balanced')
  if (biased !== null) state.bias = biasOf({ ...callee, steps: state.steps }, routed.count, biased.span)
  const settled = reporter.during(call.span, call.callee.text, () => settle({ ...callee, policy: state, steps: state.steps }))
  if (weights.length > weightsBefore) claimPath(frame, callee.path, call.label?.span ?? call.callee.span, call.callee.text)
  const selected = (state.otherwise ?? state).count
  if (settled === null || reporter.count > before) return { policy: null, selected }
  const { declaration } = found
  const policy: Policy = {
    name: declaration.name.text, doc: declaration.doc.join('\n'), path: callee.path, origin: originOf(callee, call.span), parameters: bound.facts, ids,
    steps: state.steps, ...settled,
  }
  return { policy, selected }
}

/** Runs a policy's body and says what its paths lack. */
export function settle(frame: Frame): { inference: Route; training: TrainingRoute | null } | null {
  const state = frame.policy!
  body(frame)
  const inference = routeOf(frame, state.otherwise ?? state, state.training === null ? '' : state.otherwise === null ? ' when not training' : ' in else')
  const training = state.training === null ? null : routeOf(frame, state.training.route, ' when training')
  if (inference === null || (state.training !== null && training === null)) return null
  const { rate = null, after = null, atMost = null } = state.training ?? {}
  return { inference, training: training === null ? null : { ...training, rate, after, atMost } }
}

function routeOf(frame: Frame, path: PolicyState, when: string): Route | null {
  const state = frame.policy!
  const { steps, isBroken } = path
  // what a branch does not settle may stand after both
  const [select, weights, keep] = [path.select ?? state.select, path.weights ?? state.weights, path.keep ?? state.keep]
  if (select !== null && weights !== null) return { ...select, weights, keep, steps: state.steps === steps ? [] : steps }
  const { declaration } = frame
  if (!isBroken && !declaration.isPartial && !state.isBroken) {
    const lacks = [select === null ? 'selects no experts' : '', weights === null ? 'gives no weights' : ''].filter((text) => text !== '').join(' and ')
    complain(frame, {
      code: 'SMOE2013', message: `${declaration.name.text} ${lacks}${when}`, span: declaration.name.span,
      help: 'on every path a policy says `select top k by scores` and `weigh weights`',
    })
  }
  return null
}
