import type { Reals, RoutedLayer } from './record.ts'

export interface Margin {
  readonly value: number
  /**
   * `scores`: of the probabilities of all experts. `weights`: of the weights of the kept ones, which a policy may have scaled.
   */
  readonly from: 'scores' | 'weights'
}

/** The largest less the second; null for fewer than two. */
function gap(values: Reals, start: number, end: number, counts: (at: number) => boolean): number | null {
  let [first, second] = [-Infinity, -Infinity]
  for (let at = start; at < end; at++) {
    if (!counts(at) || values[at] <= second) continue
    if (values[at] > first) [first, second] = [values[at], first]
    else second = values[at]
  }
  return second === -Infinity ? null : first - second
}

function meanGap(tokens: number, gapOf: (token: number) => number | null): number | null {
  let [sum, count] = [0, 0]
  for (let token = 0; token < tokens; token++) {
    const value = gapOf(token)
    if (value === null) continue
    sum += value
    count++
  }
  return count === 0 ? null : sum / count
}

/**
 * Router margin = mean over tokens of p(1) - p(2), the best probability less the second. LibMoE, appendix E. From the scores
 * where they were recorded, else from the weights of the kept slots. Null where no token has two of them.
 */
export function margin({ experts, tokens, k, selected, weights, scores }: RoutedLayer): Margin | null {
  const value =
    scores === undefined
      ? meanGap(tokens, (token) => gap(weights, token * k, token * k + k, (at) => selected[at] >= 0))
      : meanGap(tokens, (token) => gap(scores, token * experts, (token + 1) * experts, () => true))
  return value === null ? null : { value, from: scores === undefined ? 'weights' : 'scores' }
}
