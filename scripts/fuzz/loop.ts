/** The loop over mutants that every target of `npm run fuzz` has. */
import { estimate } from '../../cli/progress.ts'
import type { FuzzOptions } from './options.ts'

/** Between two lines of progress, in ms. */
const QUIET = 10_000

export const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** The one mutant that was asked for, or all. */
export const indicesOf = ({ count, only }: Pick<FuzzOptions, 'count' | 'only'>): readonly number[] =>
  only === null ? Array.from({ length: count }, (_, index) => index) : [only]

/**
 * Works through mutants one after the other; every ten seconds a line on stderr says how many are done, and how long the rest
 * takes.
 */
export async function workThrough(
  indices: readonly number[],
  work: (index: number) => void | Promise<void>,
  note: () => string = () => '',
): Promise<void> {
  const start = performance.now()
  let shown = start
  for (const [at, index] of indices.entries()) {
    await work(index)
    if (performance.now() - shown <= QUIET) continue
    shown = performance.now()
    const left = estimate(performance.now() - start, at + 1, indices.length)
    process.stderr.write(`${at + 1} of ${indices.length}, ${note()}${left}\n`)
  }
}
