/** Long runs in as many pieces as a picture has room for. */

export interface Bins {
  /** The last step of each. */
  readonly steps: readonly number[]
  /** The piece that a step, from 1 to the last, falls into. */
  readonly of: (step: number) => number
}

/** Steps 1..count in `most` pieces of one size at the most; the last may be smaller. */
export function bins(count: number, most: number): Bins {
  const size = Math.max(1, Math.ceil(count / most))
  return {
    steps: Array.from({ length: Math.ceil(count / size) }, (_, at) => Math.min(count, (at + 1) * size)),
    of: (step) => Math.floor((step - 1) / size),
  }
}

/** A value over the pieces: its mean, and the least and the most in each; null where there is none. */
export interface Curve {
  readonly mean: readonly (number | null)[]
  readonly low: readonly (number | null)[]
  readonly high: readonly (number | null)[]
}

/** Six digits are more than a picture shows. */
export const rounded = (value: number): number => Number(value.toPrecision(6))

export function curve(values: Iterable<readonly [step: number, value: number | null]>, { steps, of }: Bins): Curve {
  const parts = steps.map((): number[] => [])
  for (const [step, value] of values) if (value !== null && Number.isFinite(value)) parts[of(step)].push(value)
  const each = (one: (part: readonly number[]) => number): readonly (number | null)[] =>
    parts.map((part) => (part.length === 0 ? null : rounded(one(part))))
  return {
    mean: each((part) => part.reduce((sum, value) => sum + value, 0) / part.length),
    low: each((part) => part.reduce((a, b) => Math.min(a, b))),
    high: each((part) => part.reduce((a, b) => Math.max(a, b))),
  }
}
