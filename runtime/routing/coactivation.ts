import type { RoutedLayer } from './record.ts'

export interface Coactivation {
  readonly experts: number
  /** N_i: tokens that chose i, [E]. */
  readonly tokens: readonly number[]
  /** N_ij: tokens that chose both, for i < j, row by row without the diagonal: [E * (E - 1) / 2]. */
  readonly pairs: readonly number[]
}

/** Place of the pair i < j among the pairs of E experts. */
export const pairIndex = (experts: number, i: number, j: number): number => i * experts - (i * (i + 1)) / 2 + j - i - 1

/** Counts the pairs of experts that are selected for the same tokens. */
export function coactivation({ experts, tokens, k, selected }: RoutedLayer): Coactivation {
  const single = new Array<number>(experts).fill(0)
  const pairs = new Array<number>((experts * (experts - 1)) / 2).fill(0)
  for (let token = 0; token < tokens; token++) {
    const chosen = [...new Set(selected.subarray(token * k, token * k + k))].filter((expert) => expert >= 0).sort((a, b) => a - b)
    for (const [at, i] of chosen.entries()) {
      single[i]++
      for (const j of chosen.slice(at + 1)) pairs[pairIndex(experts, i, j)]++
    }
  }
  return { experts, tokens: single, pairs }
}

/**
 * Co-activation(i, j) = N_ij / N_i: of the tokens that chose i, those that chose j too; 0 where none chose i. LibMoE, appendix E.
 */
export function coactivationOf({ experts, tokens, pairs }: Coactivation, i: number, j: number): number {
  if (tokens[i] === 0) return 0
  return i === j ? 1 : pairs[pairIndex(experts, Math.min(i, j), Math.max(i, j))] / tokens[i]
}
