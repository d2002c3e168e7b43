/** Slots: what a policy gives each token, an expert and a weight in each. */
import { multiply, type Dim } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { make, reshape, type Maker } from './maker.ts'

/** What a policy has decided. */
export interface Assignments {
  /** i32 [T, K]: an expert in every slot, kept or not. */
  readonly selected: Node
  /** f32 [T, K]. */
  readonly weights: Node
  /** bool [T, K]: whether the slot answers; null where all do. */
  readonly kept: Node | null
  /** f32 [T]: the weight that goes to the shared experts; null where none does. */
  readonly spilled: Node | null
}

/** What a policy has decided, and how it is told: a dropped slot has the expert -1 and weighs 0. */
export interface RoutingDecision {
  readonly choice: Assignments
  readonly told: Assignments
}

/** What it was decided by. */
export interface RouterScores {
  /** f32 [T, E]. */
  readonly scores: Node
  /** How many experts a token asks for. */
  readonly asked: Dim
  readonly experts: number
}

/** i32 [T, K]: how many slots before each have its expert, first choices of all tokens before second ones; -1 where the slot has none. */
export function positionsInExperts(maker: Maker, ids: Node, experts: number): Node {
  const [tokens, count] = ids.shape
  const byRank = reshape(maker, make(maker, 'transpose', [ids], { order: [1, 0] }), [multiply(tokens, count)])
  const place = make(maker, 'position_in_expert', [byRank], { experts })
  return make(maker, 'transpose', [reshape(maker, place, [count, tokens])], { order: [1, 0] })
}
