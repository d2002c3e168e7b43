/** How far the numbers that codes mean are from those that were quantised. */

export interface ErrorSums {
  readonly count: number
  /** The sum of squared differences, and of squared numbers. */
  readonly squares: number
  readonly energy: number
  /** The largest difference. */
  readonly most: number
}

export const NO_ERROR: ErrorSums = { count: 0, squares: 0, energy: 0, most: 0 }

export const addErrors = (a: ErrorSums, b: ErrorSums): ErrorSums => ({
  count: a.count + b.count,
  squares: a.squares + b.squares,
  energy: a.energy + b.energy,
  most: Math.max(a.most, b.most),
})

/** sqrt(sum of (w - q)^2 / sum of w^2); 0 where every number is 0, as no code differs then. */
export const relativeRms = ({ squares, energy }: ErrorSums): number => (energy === 0 ? 0 : Math.sqrt(squares / energy))

/** Adds up differences, for one tensor at a time. */
export interface ErrorMeter {
  readonly add: (number: number, meant: number) => void
  readonly sums: () => ErrorSums
}

export function createErrorMeter(): ErrorMeter {
  // variables of a closure would be allocated anew with each change
  const sums = new Float64Array(4)
  return {
    add(number, meant) {
      const difference = number - meant
      sums[0]++
      sums[1] += difference * difference
      sums[2] += number * number
      if (Math.abs(difference) > sums[3]) sums[3] = Math.abs(difference)
    },
    sums: () => ({ count: sums[0], squares: sums[1], energy: sums[2], most: sums[3] }),
  }
}
