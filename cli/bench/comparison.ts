/** What takes turns compared in words: how many times as fast the first device is as each other one. */
import { milliseconds } from '../output.ts'
import { ratio, type Spread } from './statistics.ts'
import type { Rounds } from './turns.ts'

/** How many times as fast the first is as another, by the rounds. */
export interface Comparison extends Spread {
  readonly to: string
}

export const compare = ([first, ...others]: readonly {
  readonly name: string
  readonly rounds: Rounds
}[]): readonly Comparison[] => others.map(({ name, rounds }) => ({ to: name, ...ratio(rounds, first.rounds) }))

const times = (value: number): string => value.toFixed(value >= 10 ? 0 : value >= 2 ? 1 : 2)

/** `cpu takes 51.0 ms: 2.6 times as fast as lavapipe (2.4 to 2.7)`, from the median of the first. */
export function verdict(first: string, median: number, comparisons: readonly Comparison[]): string {
  const all = comparisons.map(
    ({ to, median, low, high }) => `${times(median)} times as fast as ${to} (${times(low)} to ${times(high)})`,
  )
  return `${first} takes ${milliseconds(median)} ms${all.length === 0 ? '' : `: ${all.join(', ')}`}`
}
