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
  let [count, squares, energy, most] = [0, 0, 0, 0]
  return {
    add(number, meant) {
      const difference = number - meant
      count++
      squares += difference * difference
      energy += number * number
      if (Math.abs(difference) > most) most = Math.abs(difference)
    },
    sums: () => ({ count, squares, energy, most }),
  }
}
