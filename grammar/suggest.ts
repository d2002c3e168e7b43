/** Spelling suggestions: the nearest name. */

/** Damerau-Levenshtein distance (adjacent swaps count once), or `limit + 1` as soon as it is known to exceed `limit`. */
export function editDistance(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let older: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? older[j - 2]! + 1 : Infinity
      row.push(Math.min(change, swap, previous[j]! + 1, row[j - 1]! + 1))
    }
    if (Math.min(...row) > limit) return limit + 1
    older = previous
    previous = row
  }
  return previous[b.length]!
}

/**
 * The candidate with the smallest edit distance to `name`, the first of equals; null where none is within the limit. A difference
 * of case alone always is.
 */
export function closest(name: string, candidates: Iterable<string>): string | null {
  if (name.length > 64) return null
  const limit = name.length <= 2 ? 1 : Math.ceil(name.length / 3)
  let best: string | null = null
  let bestDistance = limit + 1
  const lower = name.toLowerCase()
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) >= bestDistance) continue
    // only distances below the best so far matter
    const distance = candidate.toLowerCase() === lower ? 0.5 : editDistance(name, candidate, Math.ceil(bestDistance) - 1)
    if (distance < bestDistance && distance < Math.max(name.length, candidate.length)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}
