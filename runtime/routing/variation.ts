import type { Load } from './load.ts'

/**
 * CV^2 = variance of N / mean of N squared, the variance over all experts. Shazeer et al., 2017, section 4. Null where nothing
 * was kept.
 */
export function variationSquared({ counts, kept }: Load): number | null {
  if (kept === 0) return null
  const mean = kept / counts.length
  return counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length / mean ** 2
}

/** CV = deviation of N / mean of N: 0 where all experts are equally busy, sqrt(E - 1) where one does all. */
export function variation(load: Load): number | null {
  const squared = variationSquared(load)
  return squared === null ? null : Math.sqrt(squared)
}
