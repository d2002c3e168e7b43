import type { Load } from './load.ts'

/** The experts without a token, ascending. */
export const deadExperts = ({ counts }: Load): readonly number[] =>
  counts.flatMap((count, expert) => (count === 0 ? [expert] : []))
