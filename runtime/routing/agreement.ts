import { RouteError } from '../errors.ts'
import type { RoutedLayer } from './record.ts'

const keptExperts = ({ k, selected }: RoutedLayer, token: number): ReadonlySet<number> =>
  new Set(selected.subarray(token * k, token * k + k).filter((expert) => expert >= 0))

/** Throws a RouteError where two layers do not route the same tokens to the same number of experts. */
export function checkComparable(a: RoutedLayer, b: RoutedLayer): void {
  if (a.tokens !== b.tokens) throw new RouteError(a.name, `${a.tokens} tokens cannot be compared with ${b.tokens}`)
  if (a.experts !== b.experts) throw new RouteError(a.name, `${a.experts} experts cannot be compared with ${b.experts}`)
}

/**
 * Mean over tokens of |I n I'| / max(|I|, |I'|), the sets of kept experts; without drops and with one k this is |I n I'| / k.
 * Two tokens without an expert agree. Null without tokens.
 */
export function agreement(a: RoutedLayer, b: RoutedLayer): number | null {
  checkComparable(a, b)
  if (a.tokens === 0) return null
  let sum = 0
  for (let token = 0; token < a.tokens; token++) {
    const [mine, other] = [keptExperts(a, token), keptExperts(b, token)]
    const most = Math.max(mine.size, other.size)
    sum += most === 0 ? 1 : [...mine].filter((expert) => other.has(expert)).length / most
  }
  return sum / a.tokens
}
