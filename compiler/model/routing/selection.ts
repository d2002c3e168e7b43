/** How constraints change a selection: a balance bias, groups of experts, or expert choice. */
import { floorDivide, ONE, type Dim } from '../../../plan/dim.ts'
import type { Span } from '../../../grammar/source.ts'
import { apply } from '../expressions/apply.ts'
import { options, type Options } from '../builtin/options.ts'
import { CONSTANTS, type BuiltinName } from '../builtin/table.ts'
import { originOf, type Frame, type Shaping } from '../context/context.ts'
import { divideSizes } from '../static/exact.ts'
import type { Term, WeightTerm } from '../model.ts'
import { real } from '../static/static.ts'
import { ofStatic, ofTerm, UNKNOWN, type Value } from '../context/value.ts'

/** Plain top-k. */
export const PLAIN: Shaping = { groups: null, isByExperts: false }

/** Builtins at one place of the text. */
const at =
  (frame: Frame, span: Span) =>
  (builtin: BuiltinName, operands: readonly Value[], given: Partial<Options> = {}): Value =>
    operands.some((one) => one.kind === 'unknown')
      ? UNKNOWN
      : apply(
          frame,
          builtin,
          operands.map((value) => ({ value, span })),
          options(given),
          span,
        )

/** A value with a name, for `explain`. */
function named(frame: Frame, name: string, value: Value, doc: string): Value {
  if (value.kind === 'tensor') frame.steps.push({ kind: 'let', name, value: value.term, doc })
  return value
}

/** E / groups, which the constraint has been checked to be. */
function perGroup({ context }: Frame, experts: Dim, groups: Dim): Dim {
  const known = divideSizes(experts, groups, context.quotients)
  if (known !== undefined) return known
  const quotient = floorDivide(experts, groups)
  context.quotients.push({ numerator: experts, divisor: groups, quotient })
  return quotient
}

/** Scores, masked outside of the best groups; a group is scored by its best expert. */
function inGroups(frame: Frame, scores: Value, { count, keep }: NonNullable<Shaping['groups']>, span: Span): Value {
  const { tokens, experts } = frame.policy!
  const use = at(frame, span)
  const width = perGroup(frame, experts.count, count)
  const best = named(
    frame,
    'best_in_group',
    use('max', [use('reshape', [scores], { dims: [tokens, count, width] })]),
    'score of each group: its best expert',
  )
  const kept = named(
    frame,
    'kept_groups',
    use('sum', [use('one_hot', [use('top_k', [best], { count: keep })], { count })], { axis: 1 }),
    '1 for each group kept',
  )
  const wide = use('broadcast', [use('reshape', [kept], { dims: [tokens, count, ONE] })], { dims: [tokens, count, width] })
  const allowed = named(
    frame,
    'allowed',
    use('greater', [use('reshape', [wide], { dims: [tokens, experts.count] }), ofStatic(real(0))]),
    'the experts of these groups',
  )
  return use('where', [allowed, scores, ofStatic(real(CONSTANTS.lowest.value))])
}

/** The scores without those of experts that a run is without. */
function eligible(frame: Frame, scores: Value, span: Span): Value {
  if (scores.kind !== 'tensor') return scores
  const { shape, dtype } = scores.term
  return ofTerm({ kind: 'eligible', scores: scores.term, shape, dtype, origin: originOf(frame, span) })
}

/** The scores by which experts are selected. */
export function shapedScores(frame: Frame, scores: Term, span: Span): Value {
  const { shaping, bias } = frame.policy!
  const biased =
    bias === null
      ? ofTerm(scores)
      : named(frame, 'biased', at(frame, span)('add', [ofTerm(scores), ofTerm(bias)]), 'scores that select, but do not weigh')
  const open = eligible(frame, biased, span)
  return shaping.groups === null
    ? open
    : named(frame, 'in_groups', inGroups(frame, open, shaping.groups, span), 'scores that select: all others are masked')
}

/** Every expert in the order of their numbers, i32[T, E]: the experts choose which of them are used. */
export function everyExpertOf(frame: Frame, span: Span): Value {
  const { tokens, experts } = frame.policy!
  const use = at(frame, span)
  return use('broadcast', [use('iota', [], { count: experts.count })], { dims: [tokens, experts.count] })
}

/** Its name. */
export const BALANCE_BIAS = 'balance_bias'

/** The weight that `bias balanced` brings, under the policy's path. */
export function biasOf(frame: Frame, experts: Dim, span: Span): WeightTerm {
  const path = [...frame.path, BALANCE_BIAS].join('.')
  const doc = 'Balance bias: added to the scores that select, not to those that weigh; updated against the load in training.'
  const initialiser = { kind: 'zeros', settings: {} }
  const term: WeightTerm = {
    kind: 'weight',
    path,
    bank: null,
    initialiser,
    doc,
    shape: [experts],
    dtype: 'f32',
    origin: { span, instance: frame.path.join('/') },
  }
  frame.context.weights.push({ term, stackedPath: null, loops: frame.loops, source: null })
  frame.scope.bindings.set(BALANCE_BIAS, { value: ofTerm(term), span, mutable: false })
  frame.steps.push({ kind: 'param', name: BALANCE_BIAS, term })
  return term
}
