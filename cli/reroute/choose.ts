/** Which experts of a layer are dropped. */
import { createRandom } from '../random.ts'
import type { Routers } from './compare.ts'
import { meanScores } from './score.ts'

export const CRITERIA = ['spectral', 'router', 'random'] as const

/** The smallest mean over tokens of V, or of the router's logits; or any. Do, Le and Tran, 2026, arXiv:2605.30992, section 4. */
export type Criterion = (typeof CRITERIA)[number]

type Score = (routers: Routers, seed: number) => Float64Array

const SCORES: { readonly [C in Criterion]: Score } = {
  spectral: ({ blended, old }) => meanScores(blended, old.experts),
  router: ({ logits, old }) => meanScores(logits, old.experts),
  random: ({ old }, seed) => {
    const random = createRandom(seed)
    return Float64Array.from({ length: old.experts }, random)
  },
}

/** The experts with the `count` smallest scores, of equals the later ones, in ascending order. */
export function chooseDropped(routers: Routers, criterion: Criterion, count: number, seed: number): readonly number[] {
  const scores = SCORES[criterion](routers, seed)
  const order = Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b] || b - a)
  return order.slice(0, count).sort((a, b) => a - b)
}
