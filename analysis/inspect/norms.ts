/** How far apart the norms of the experts of a layer are, or of the rows of its router. */

export const NORM_VERDICTS = ['even', 'uneven', 'far apart', 'unknown'] as const
export type NormVerdict = (typeof NORM_VERDICTS)[number]

/** The largest over the smallest: up to these, norms are even, and uneven. */
const [EVEN, UNEVEN] = [1.25, 2]

/** `unknown` where there are no norms, or all are zero. */
export function normVerdict(norms: readonly number[]): NormVerdict {
  const [least, most] = [Math.min(...norms), Math.max(...norms)]
  if (!(most > 0)) return 'unknown'
  return most <= EVEN * least ? 'even' : most <= UNEVEN * least ? 'uneven' : 'far apart'
}
