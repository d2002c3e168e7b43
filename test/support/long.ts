/** What `npm run test:long` adds to `npm test`: all cases on every adapter, and more of what costs minutes. */

export const isLong = process.env.TEST_LONG === '1'

/** How often something is done: fewer times in `npm test` than in the long run. */
export const times = (short: number, long: number): number => (isLong ? long : short)

/**
 * The cases that run on a device: all on the cpu device, which every machine has; of adapters, which compile each kernel for
 * seconds, every third, from the first on.
 */
export const casesOn = <T>(adapter: string, cases: readonly T[]): readonly T[] =>
  isLong || adapter === 'cpu' ? cases : cases.filter((_, at) => at % 3 === 0)
