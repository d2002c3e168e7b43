import { agreement, checkComparable } from './agreement.ts'
import type { RoutedLayer } from './record.ts'

/**
 * ECR, top-1: tokens whose first expert differs between two records / T; a slot dropped in one of them differs. LibMoE, appendix
 * E.
 */
export function changeRateTop1(before: RoutedLayer, after: RoutedLayer): number | null {
  checkComparable(before, after)
  if (after.tokens === 0) return null
  let changed = 0
  for (let token = 0; token < after.tokens; token++) {
    if (before.selected[token * before.k] !== after.selected[token * after.k]) changed++
  }
  return changed / after.tokens
}

/** ECR as sets: mean over tokens of 1 - |I n I'| / k. LibMoE, appendix E. */
export function changeRateSet(before: RoutedLayer, after: RoutedLayer): number | null {
  const same = agreement(before, after)
  return same === null ? null : 1 - same
}
