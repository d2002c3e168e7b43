/** The requirements of a moe that can be checked on its routing decisions, with parameters replaced by their values. */
import type { Dim } from '../../plan/dim.ts'
import type { RoutingRequirements } from '../graph/node.ts'
import type { ConstraintFact, MoeTerm } from '../model/model.ts'
import { numberIn, sizeIn, staticValue, type Environment } from './environment.ts'
import { capacity, expertChoiceCapacity, type Sizes } from './capacity.ts'

/** The first requirement of these kinds, in its own words. */
const wordsOf = ({ constraints }: MoeTerm, ...kinds: readonly ConstraintFact['kind'][]): string | null =>
  constraints.find(({ kind }) => kinds.includes(kind))?.text ?? null

function mostOf(environment: Environment, moe: MoeTerm, tokens: Dim, sizes: Sizes): RoutingRequirements['most'] {
  const { limit, expertChoice } = moe.rules
  const text = wordsOf(moe, 'capacity', 'at-most', 'expert-choice')
  if (text === null) return null
  const most =
    limit !== null ? capacity(environment, limit, tokens, sizes) : expertChoice ? expertChoiceCapacity(sizes, tokens) : null
  return most === null ? null : { text, tokens: most }
}

function groupsOf(environment: Environment, moe: MoeTerm): RoutingRequirements['groups'] {
  const { groups } = moe.rules
  const text = wordsOf(moe, 'groups')
  return groups === null || text === null
    ? null
    : { text, count: numberIn(environment, groups.count), keep: numberIn(environment, groups.keep) }
}

export function requirementsOf(environment: Environment, moe: MoeTerm, tokens: Dim): RoutingRequirements {
  const { within } = moe.rules
  const all = wordsOf(moe, 'dropless', 'each-token')
  const sizes = { topK: sizeIn(environment, moe.policy.inference.asked), numExperts: numberIn(environment, moe.experts.count) }
  return {
    answersAll: all === null ? null : { text: all },
    most: mostOf(environment, moe, tokens, sizes),
    groups: groupsOf(environment, moe),
    within: within === null ? null : Number(staticValue(environment, within)),
  }
}
