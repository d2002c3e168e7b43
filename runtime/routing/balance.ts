import type { Load } from './load.ts'

export interface Balance {
  /** How far a load may lie from the mean, in percent of it. */
  readonly within: number
  /** kept / E. */
  readonly mean: number
  /** How far the farthest load lies, in percent of the mean; null where nothing was kept. */
  readonly farthest: { readonly expert: number; readonly load: number; readonly percent: number } | null
  /** The experts whose load lies outside of the band, ascending. */
  readonly outside: readonly number[]
  /** How far some load lies in the most even way to share so many slots, which are whole: in percent of the mean. */
  readonly least: number
}

const hundred = (part: number, mean: number): number => (mean === 0 ? 0 : (100 * part) / mean)

/** Loads that touch the band lie in it: what rounding adds to a percentage is nothing. */
const ROUNDING = 1 + 1e-12

/**
 * Whether the load N_e of every expert lies in mean N * (1 - P / 100) .. mean N * (1 + P / 100), both ends included. The mean is
 * that of the loads, kept / E, as in MaxVio: T * k / E where no slot is dropped.
 */
export function balance({ counts, kept }: Load, within: number): Balance {
  const mean = kept / counts.length
  const percents = counts.map((count) => hundred(Math.abs(count - mean), mean))
  const expert = percents.reduce((most, percent, at) => (percent > percents[most] ? at : most), 0)
  return {
    within,
    mean,
    farthest: kept === 0 ? null : { expert, load: counts[expert], percent: percents[expert] },
    outside: percents.flatMap((percent, at) => (percent > within * ROUNDING ? [at] : [])),
    least: Math.max(hundred(mean - Math.floor(mean), mean), hundred(Math.ceil(mean) - mean, mean)),
  }
}
