/** Policies: what a moe gives them, and what they settle on each path. */
import type { CallExpression, LossStatement, SelectStatement, WeighStatement, WhenTrainingStatement } from '../../grammar/ast.ts'
import type { Span } from '../../grammar/source.ts'
import { product, type Dim } from '../../plan/dim.ts'
import { apply, asTerm } from './apply.ts'
import { body, statements } from './body.ts'
import { options } from './builtin/options.ts'
import { enter } from './call.ts'
import { complain, folds, originOf, verify, wordsOf, type Frame, type PolicyState } from './context.ts'
import { equalSizes } from './exact.ts'
import { elaborate, wantSize, wantStatic } from './expression.ts'
import type { GivenTerm, Loss, Policy, Route, Term, TrainingRoute } from './model.ts'
import { wanted } from './moe.ts'
import { createScope, type Scope } from './scope.ts'
import { evaluate, evaluateSize, int, type Static } from './static.ts'
import { ofStatic, ofTerm, termTypeText, UNKNOWN, type Value } from './value.ts'

/** What a moe gives its policy. */
export interface Routed {
  /** x: f32[T, D]. */
  readonly rows: GivenTerm
  /** The axes whose product T is. */
  readonly leading: readonly Dim[]
  readonly count: Dim
  /** Of an expert's answer. */
  readonly width: Dim
}

/** x, ids, E, T and D. */
export function givens(frame: Frame, { rows, leading, count }: Routed, span: Span): { scope: Scope; ids: Policy['ids'] } {
  const scope = createScope(null)
  const give = (name: string, value: Value): void => void scope.bindings.set(name, { value, span, mutable: false })
  const [tokens, width] = rows.shape
  give('x', ofTerm(rows))
  give('T', ofStatic(int(tokens)))
  give('D', ofStatic(int(width)))
  give('E', ofStatic(int(count)))
  const input = frame.context.inputs.find(({ dtype, shape }) => dtype === 'i32' && shape.length === leading.length && product(shape) === product(leading))
  if (input === undefined) return { scope, ids: null }
  const given: GivenTerm = { kind: 'given', name: 'ids', shape: [tokens], dtype: 'i32', origin: originOf(frame, span) }
  give('ids', ofTerm(given))
  return { scope, ids: { given, input } }
}

export const newState = (count: Dim, width: Dim, tokens: Dim): PolicyState => ({
  select: null, weights: null, training: null, otherwise: null, steps: [], isBroken: false, experts: { count, width }, tokens, isBranch: false,
})

/** The policy of a moe worked out; null after a mistake. */
export function policyOf(frame: Frame, call: CallExpression, routed: Routed): Policy | null {
  const found = wanted(frame, call, 'policy')
  if (found === null) return null
  const { scope, ids } = givens(frame, routed, call.span)
  const entered = enter(frame, found, call, { first: null, bank: null, givens: scope, label: call.label?.text ?? 'router' })
  if (entered === null) return null
  const { callee, bound } = entered
  const { reporter } = frame.context
  const before = reporter.count
  const state = newState(routed.count, routed.width, routed.rows.shape[0])
  const settled = reporter.during(call.span, call.callee.text, () => settle({ ...callee, policy: state, steps: state.steps }))
  if (settled === null || reporter.count > before) return null
  const { declaration } = found
  return {
    name: declaration.name.text, doc: declaration.doc.join('\n'), path: callee.path, origin: originOf(callee, call.span), parameters: bound.facts, ids,
    steps: state.steps, ...settled,
  }
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

function routeOf(frame: Frame, { select, weights, steps, isBroken }: PolicyState, when: string): Route | null {
  if (select !== null && weights !== null) return { ...select, weights, steps: frame.policy!.steps === steps ? [] : steps }
  const { declaration } = frame
  if (!isBroken && !declaration.isPartial && !frame.policy!.isBroken) {
    const lacks = [select === null ? 'selects no experts' : '', weights === null ? 'gives no weights' : ''].filter((text) => text !== '').join(' and ')
    complain(frame, {
      code: 'SMOE2013', message: `${declaration.name.text} ${lacks}${when}`, span: declaration.name.span,
      help: 'on every path a policy says `select top k by scores` and `weigh weights`',
    })
  }
  return null
}

export function selectStatement(frame: Frame, { count: countNode, by, span }: SelectStatement): void {
  const state = frame.policy!
  const count = wantSize(frame, countNode, 'the number of experts selected')
  const value = elaborate(frame, by)
  if (state.select !== null) {
    complain(frame, { code: 'SMOE2003', message: 'the experts are selected already', span })
    return
  }
  const scores = asTerm(frame, { value, span: by.span })
  const ok = count !== null && scores !== null && hasShape(frame, scores, [state.tokens, state.experts.count], 'scores', '[T, E]', by.span) && selectable(frame, count, state.experts.count, countNode.span)
  const made = ok ? apply(frame, 'top_k', [{ value: ofTerm(scores), span: by.span }], options({ count }), span) : UNKNOWN
  if (made.kind === 'tensor' && ok) state.select = { scores, count, selected: made.term }
  else state.isBroken = true
  frame.scope.bindings.set('selected', { value: made, span, mutable: false })
}

const selectable = (frame: Frame, count: Dim, experts: Dim, span: Span): boolean =>
  verify(frame, (lookup) => {
    const [k, n] = [evaluateSize(count, lookup), evaluateSize(experts, lookup)]
    const wrong = k !== undefined && (k < 1 || (n !== undefined && k > n))
    return wrong ? { code: 'SMOE4006', message: `${k} of ${n ?? 'the'} experts cannot be selected`, span } : null
  })

function hasShape(frame: Frame, term: Term, shape: readonly Dim[], what: string, written: string, span: Span): boolean {
  const same = term.dtype === 'f32' && term.shape.length === shape.length && term.shape.every((size, axis) => equalSizes(size, shape[axis], frame.context.quotients))
  if (!same) complain(frame, { code: 'SMOE3001', message: `${what} are f32${written} = ${termTypeText({ shape, dtype: 'f32' })}, but \`${wordsOf(span)}\` is ${termTypeText(term)}`, span })
  return same
}

export function weighStatement(frame: Frame, { value: node, span }: WeighStatement): void {
  const state = frame.policy!
  const term = asTerm(frame, { value: elaborate(frame, node), span: node.span })
  if (state.weights !== null) {
    complain(frame, { code: 'SMOE2003', message: 'the experts are weighed already', span })
    return
  }
  if (state.select === null) {
    if (!state.isBroken) complain(frame, { code: 'SMOE2013', message: 'weigh comes after select', span })
    state.isBroken = true
    return
  }
  if (term === null || !hasShape(frame, term, [state.tokens, state.select.count], 'weights', '[T, k]', node.span)) state.isBroken = true
  else state.weights = term
}

export function lossStatement(frame: Frame, { name, value: node, doc }: LossStatement): void {
  const term = asTerm(frame, { value: elaborate(frame, node), span: node.span })
  if (term === null) return
  if (term.dtype !== 'f32' || term.shape.length > 0) {
    complain(frame, { code: 'SMOE3001', message: `a loss is one number, f32[], but \`${wordsOf(node.span)}\` is ${termTypeText(term)}`, span: node.span })
    return
  }
  const loss: Loss = { name: name.text, term, doc: doc.join('\n') }
  frame.steps.push({ kind: 'loss', loss })
}

export function whenTraining(frame: Frame, { rate, after, atMost, body: list, otherwise, span }: WhenTrainingStatement): void {
  const state = frame.policy!
  if (state.isBranch || state.training !== null) {
    complain(frame, { code: 'SMOE2012', message: 'a policy has one `when training`, and not inside of another', span })
    return
  }
  const branch = (): PolicyState => ({ ...state, steps: [], isBranch: true })
  const run = (made: PolicyState, statementsOf: typeof list): PolicyState => {
    statements({ ...frame, policy: made, steps: made.steps, scope: createScope(frame.scope) }, statementsOf)
    return made
  }
  const part = (node: typeof rate, type: 'real' | 'int', what: string, low: number, high: number): Static | null => {
    const value = node === null ? null : wantStatic(frame, node, type, what)
    if (node !== null && value !== null) {
      verify(frame, (lookup) => {
        const known = evaluate(value, lookup, folds) as number | undefined
        const outside = known !== undefined && !(known >= low && known <= high)
        return outside ? { code: 'SMOE4001', message: `${what} is in ${low}..${high === Infinity ? '' : high}, not ${known}`, span: node.span } : null
      })
    }
    return value
  }
  const given = { rate: part(rate, 'real', 'the rate', 0, 1), after: part(after, 'real', 'the warm-up', 0, 1), atMost: part(atMost, 'int', 'the number of layers', 1, Infinity) }
  state.training = { ...given, route: run(branch(), list) }
  state.otherwise = otherwise === null ? null : run(branch(), otherwise)
}

/** `experts(x)`: every expert answers every token, f32[T, E, D]. */
export function everyExpert(frame: Frame, { arguments: args, span }: CallExpression): Value {
  const state = frame.policy
  if (state === null) return complain(frame, { code: 'SMOE2012', message: 'experts(x) stands in a policy: elsewhere there are no experts to ask', span })
  const [argument] = args
  if (args.length !== 1 || argument.name !== null) return complain(frame, { code: 'SMOE3004', message: 'experts takes the tokens alone: experts(x)', span })
  const term = asTerm(frame, { value: elaborate(frame, argument.value), span: argument.value.span })
  if (term === null) return UNKNOWN
  if (term.dtype !== 'f32' || term.shape.length !== 2 || !equalSizes(term.shape[0], state.tokens, frame.context.quotients)) {
    return complain(frame, { code: 'SMOE3001', message: `experts answer f32[T, D], but \`${wordsOf(argument.value.span)}\` is ${termTypeText(term)}`, span: argument.value.span })
  }
  return ofTerm({ kind: 'every-expert', input: term, shape: [state.tokens, state.experts.count, state.experts.width], dtype: 'f32', origin: originOf(frame, span) })
}
