import type { Load } from './load.ts'

/**
 * MaxVio = (max N - mean N) / mean N: how far the busiest expert is over an even share. Wang et al., 2024, arXiv:2408.15664. Null
 * where nothing was kept.
 */
export function maxVio({ counts, kept }: Load): number | null {
  if (kept === 0) return null
  const mean = kept / counts.length
  return (counts.reduce((most, count) => Math.max(most, count), 0) - mean) / mean
}
