import type { Load } from './load.ts'

/** The experts that answer nothing, ascending. */
export const deadExperts = ({ counts }: Load): readonly number[] =>
  counts.flatMap((count, expert) => (count === 0 ? [expert] : []))
