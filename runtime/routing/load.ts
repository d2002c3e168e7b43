import type { RoutedLayer } from './record.ts'

export interface Load {
  /** Assignments of each expert, [E]. */
  readonly counts: readonly number[]
  /** Assignments that were kept. */
  readonly kept: number
  /** Assignments that were dropped. */
  readonly dropped: number
}

/** Load of each expert: N_e = slots whose expert is e. Shazeer et al., 2017, section 4. Always kept + dropped = T * k. */
export function load({ name, experts, tokens, k, selected }: RoutedLayer): Load {
  const counts = new Array<number>(experts).fill(0)
  let dropped = 0
  for (const expert of selected) {
    if (expert < 0) dropped++
    else counts[expert]++
  }
  const kept = counts.reduce((sum, count) => sum + count, 0)
  if (kept + dropped !== tokens * k) throw new Error(`${name}: ${kept} kept and ${dropped} dropped are not ${tokens} x ${k}`)
  return { counts, kept, dropped }
}

/** f_e = N_e / sum of N; all zero where nothing was kept. */
export const fractions = ({ counts, kept }: Load): readonly number[] => counts.map((count) => (kept === 0 ? 0 : count / kept))
