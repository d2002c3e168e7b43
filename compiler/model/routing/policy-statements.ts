/** The statements of a policy: `select`, `weigh`, `keep`, `loss` and `metric`. */
import type {
  Expression,
  KeepStatement,
  LossStatement,
  MetricStatement,
  SelectStatement,
  WeighStatement,
} from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import type { Dim } from '../../../plan/dim.ts'
import { apply, asTerm } from '../expressions/apply.ts'
import { completed } from './branches.ts'
import { options } from '../builtin/options.ts'
import { complain, elaborate, verify, wordsOf, type Frame } from '../context/context.ts'
import { equalSizes } from '../static/exact.ts'
import type { Step, Term } from '../model.ts'
import { everyExpertOf, shapedScores } from './selection.ts'
import { evaluateSize } from '../static/static.ts'
import { ofTerm, termTypeText, UNKNOWN } from '../context/value.ts'
import { wantFixed } from '../types/compile-time.ts'

/**
 * Whether this has been settled on the way here, or in another `when training`, beside which this one may happen: that is
 * reported.
 */
function isSettled(frame: Frame, what: 'select' | 'weights' | 'keep', message: string, span: Span): boolean {
  const state = frame.policy!
  const other = state.isBranch
    ? state.blocks.find(({ training, otherwise }) => training[what] !== null || otherwise[what] !== null)
    : undefined
  if (state[what] === null && other === undefined) return false
  const beside =
    other === undefined
      ? null
      : {
          related: [{ span: other.span, message: 'already set here' }],
          help: 'both may be active in one step; only one `when training` of a policy may select, one may weigh and one may keep',
        }
  complain(frame, { code: 'SMOE2003', message, span, ...beside })
  return true
}

export function selectStatement(frame: Frame, { count: countNode, by, span }: SelectStatement): void {
  const state = frame.policy!
  const count = wantFixed(frame, countNode, 'the number of experts selected')
  const value = elaborate(frame, by)
  if (isSettled(frame, 'select', 'the experts are already selected', span)) return
  const scores = asTerm(frame, { value, span: by.span })
  const isCount = count !== null && selectable(frame, count, state.experts.count, countNode.span)
  if (isCount) state.count = count
  const ok =
    scores !== null && hasShape(frame, scores, [state.tokens, state.experts.count], 'scores', '[T, E]', by.span) && isCount
  const shaped = ok ? shapedScores(frame, scores, by.span) : UNKNOWN
  const made = !ok
    ? UNKNOWN
    : state.shaping.isByExperts
      ? everyExpertOf(frame, span)
      : apply(frame, 'top_k', [{ value: shaped, span: by.span }], options({ count }), span)
  const selection =
    made.kind === 'tensor' && shaped.kind === 'tensor' && ok
      ? completed(frame, { scores: shaped.term, count: made.term.shape[1], asked: count, selected: made.term }, span)
      : null
  if (selection === null) state.isBroken = true
  else state.select = selection
  frame.scope.bindings.set('selected', { value: selection === null ? UNKNOWN : ofTerm(selection.selected), span, mutable: false })
}

const selectable = (frame: Frame, count: Dim, experts: Dim, span: Span): boolean =>
  verify(frame, (lookup) => {
    const [k, n] = [evaluateSize(count, lookup), evaluateSize(experts, lookup)]
    const wrong = k !== undefined && (k < 1 || (n !== undefined && k > n))
    return wrong ? { code: 'SMOE4006', message: `${k} of ${n ?? 'the'} experts cannot be selected`, span } : null
  })

function hasShape(
  frame: Frame,
  term: Term,
  shape: readonly Dim[],
  what: string,
  written: string,
  span: Span,
  dtype: Term['dtype'] = 'f32',
): boolean {
  const same =
    term.dtype === dtype &&
    term.shape.length === shape.length &&
    term.shape.every((size, axis) => equalSizes(size, shape[axis], frame.context.quotients))
  if (!same)
    complain(frame, {
      code: 'SMOE3001',
      message: `${what} must be ${dtype}${written} = ${termTypeText({ shape, dtype })}, but \`${wordsOf(span)}\` is ${termTypeText(term)}`,
      span,
    })
  return same
}

const SELECT_FIRST = 'write `select top k by scores` before it, and then `weigh softmax(pick(scores, selected))`'

export function weighStatement(frame: Frame, { value: node, span }: WeighStatement): void {
  const state = frame.policy!
  const term = asTerm(frame, { value: elaborate(frame, node), span: node.span })
  if (isSettled(frame, 'weights', 'the experts are already weighed', span)) return
  if (state.select === null) {
    if (!state.isBroken)
      complain(frame, { code: 'SMOE2013', message: '`weigh` must come after `select`', span, help: SELECT_FIRST })
    state.isBroken = true
    return
  }
  if (term === null || !hasShape(frame, term, [state.tokens, state.select.count], 'weights', '[T, k]', node.span))
    state.isBroken = true
  else state.weights = term
}

/** `keep`: which of the selected experts are used. */
export function keepStatement(frame: Frame, { value: node, span }: KeepStatement): void {
  const state = frame.policy!
  const term = asTerm(frame, { value: elaborate(frame, node), span: node.span }, 'bool')
  if (isSettled(frame, 'keep', 'the kept experts are already set', span)) return
  if (state.select === null) {
    if (!state.isBroken)
      complain(frame, { code: 'SMOE2013', message: '`keep` must come after `select`', span, help: SELECT_FIRST })
    state.isBroken = true
    return
  }
  if (term === null || !hasShape(frame, term, [state.tokens, state.select.count], 'those kept', '[T, k]', node.span, 'bool'))
    state.isBroken = true
  else state.keep = term
}

/** A scalar, f32[]; null after a mistake. */
function single(frame: Frame, node: Expression, what: string): Term | null {
  const term = asTerm(frame, { value: elaborate(frame, node), span: node.span })
  if (term === null || (term.dtype === 'f32' && term.shape.length === 0)) return term
  complain(frame, {
    code: 'SMOE3001',
    message: `${what} must be a scalar, f32[], but \`${wordsOf(node.span)}\` is ${termTypeText(term)}`,
    span: node.span,
  })
  return null
}

/** What may happen together with a statement: in a policy also what other blocks do. */
const stepsBeside = ({ steps, policy }: Frame): readonly Step[] =>
  policy === null
    ? steps
    : [...steps, ...policy.own, ...policy.blocks.flatMap(({ training, otherwise }) => [...training.steps, ...otherwise.steps])]

export function lossStatement(frame: Frame, { name, value: node, doc }: LossStatement): void {
  const term = single(frame, node, 'a loss')
  if (term === null) return
  if (stepsBeside(frame).some((step) => step.kind === 'loss' && step.loss.name === name.text)) {
    complain(frame, { code: 'SMOE2003', message: `the loss ${name.text} is already defined`, span: name.span })
    return
  }
  frame.steps.push({ kind: 'loss', loss: { name: name.text, path: frame.path, term, doc: doc.join('\n') } })
}

export function metricStatement(frame: Frame, { name, value: node, doc }: MetricStatement): void {
  const term = single(frame, node, 'a metric')
  if (term === null) return
  if (frame.steps.some((step) => step.kind === 'metric' && step.metric.name === name.text)) {
    complain(frame, { code: 'SMOE2003', message: `the metric ${name.text} is already defined`, span: name.span })
    return
  }
  frame.steps.push({ kind: 'metric', metric: { name: name.text, path: frame.path, term, doc: doc.join('\n') } })
}
