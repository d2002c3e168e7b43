/** Assignments of experts to tokens: what a policy decides, and what it decides by. */
import { multiply, type Dim } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import type { Site } from './site.ts'

/** T * K (token, k) assignments. */
export interface Assignments {
  /** i32 [T, K]: an expert, whether the assignment is dropped or not. */
  readonly selected: Node
  /** f32 [T, K]. */
  readonly weights: Node
  /** bool [T, K]: false where the assignment is dropped; null where none is. */
  readonly mask: Node | null
  /** f32 [T]: the weight of overflow, which goes to the shared experts; null where none does. */
  readonly spilled: Node | null
}

/** The assignments that are computed, and as they are reported: a dropped one has the expert -1 and the weight 0. */
export interface RoutingDecision {
  readonly assigned: Assignments
  readonly reported: Assignments
}

/** What a policy decides by. */
export interface RouterScores {
  /** f32 [T, E]. */
  readonly scores: Node
  /** How many experts a token selects. */
  readonly topK: Dim
  readonly numExperts: number
}

/**
 * i32 [T, K]: the position of each assignment in its expert, first choices of all tokens before second ones; -1 where an
 * assignment has no expert.
 */
export function positionsInExperts(site: Site, ids: Node, numExperts: number): Node {
  const [tokens, count] = ids.shape
  const byRank = site.make.reshape(site.make('transpose', [ids], { order: [1, 0] }), [multiply(tokens, count)])
  const place = site.make('position_in_expert', [byRank], { experts: numExperts })
  return site.make('transpose', [site.make.reshape(place, [count, tokens])], { order: [1, 0] })
}
