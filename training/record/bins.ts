/** Bins of steps, for charts of long runs. */

export interface Bins {
  /** The last step of each bin. */
  readonly steps: readonly number[]
  /** The bin of a step, counted from 1. */
  readonly of: (step: number) => number
}

/** Divides steps 1..count into at most `maxBins` bins of equal size; the last may be smaller. */
export function bins(count: number, maxBins: number): Bins {
  const size = Math.max(1, Math.ceil(count / maxBins))
  return {
    steps: Array.from({ length: Math.ceil(count / size) }, (_, at) => Math.min(count, (at + 1) * size)),
    of: (step) => Math.floor((step - 1) / size),
  }
}

/** A value over the bins: its mean, minimum and maximum in each; null for a bin without values. */
export interface Curve {
  readonly mean: readonly (number | null)[]
  readonly low: readonly (number | null)[]
  readonly high: readonly (number | null)[]
}

/** Six digits are enough for a chart. */
export const rounded = (value: number): number => Number(value.toPrecision(6))

/** Collects the values of steps in bins. */
export function curve(values: Iterable<readonly [step: number, value: number | null]>, { steps, of }: Bins): Curve {
  const inBins = steps.map((): number[] => [])
  for (const [step, value] of values) if (value !== null && Number.isFinite(value)) inBins[of(step)].push(value)
  const each = (one: (bin: readonly number[]) => number): readonly (number | null)[] =>
    inBins.map((bin) => (bin.length === 0 ? null : rounded(one(bin))))
  return {
    mean: each((bin) => bin.reduce((sum, value) => sum + value, 0) / bin.length),
    low: each((bin) => bin.reduce((a, b) => Math.min(a, b))),
    high: each((bin) => bin.reduce((a, b) => Math.max(a, b))),
  }
}
