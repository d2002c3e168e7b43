/** One gradient rule an op; an op without one does not compile. */
import type { OpName } from '../graph/vocabulary.ts'
import type { GradientRule, GradientRules } from './rule.ts'
import { attentions } from './rules/attention.ts'
import { contractions } from './rules/contract.ts'
import { elementwise } from './rules/elementwise.ts'
import { indexed } from './rules/indexed.ts'
import { leaves } from './rules/leaves.ts'
import { movements } from './rules/movement.ts'
import { reductions } from './rules/reductions.ts'
import { routed } from './rules/routed.ts'
import { scalings } from './rules/scalings.ts'

export const gradientRules: GradientRules<OpName> = {
  ...leaves,
  ...elementwise,
  ...movements,
  ...reductions,
  ...contractions,
  ...attentions,
  ...indexed,
  ...routed,
  ...scalings,
}

export const gradientRuleOf = <N extends OpName>(op: N): GradientRule<N> => gradientRules[op]
