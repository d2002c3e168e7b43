/** How far a result is from the reference. */

/** Sums of some thousand f32 products stay ten times below; a token with another expert is a thousand times above. */
export const TOLERANCE = 1e-4

/** The largest difference in parts of the largest value; infinite where a value is missing or is not a number. */
export function difference(result: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (result.length !== expected.length) return Infinity
  let [largest, worst] = [0, 0]
  for (let at = 0; at < expected.length; at++) {
    if (!Number.isFinite(result[at])) return Infinity
    largest = Math.max(largest, Math.abs(expected[at]))
    worst = Math.max(worst, Math.abs(result[at] - expected[at]))
  }
  return worst === 0 ? 0 : worst / largest
}
