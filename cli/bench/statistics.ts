/** What many times of one thing come to. */

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor((sorted.length - 1) * share)]

export interface Spread {
  readonly median: number
  /** The first and the third quartile: half of the values lie between them. */
  readonly low: number
  readonly high: number
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: at(sorted, 0.5), low: at(sorted, 0.25), high: at(sorted, 0.75) }
}

export const median = (values: readonly number[]): number => spreadOf(values).median

/** How many times as long the one takes as the other, round by round, in each of which both met the same machine. */
export const ratio = (rounds: readonly (readonly number[])[], others: readonly (readonly number[])[]): Spread =>
  spreadOf(rounds.map((times, round) => median(times) / median(others[round])))
