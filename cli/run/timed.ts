/** Measures a run without its warm-up. */
import { milliseconds } from '../output.ts'

export interface Timed<T> {
  readonly value: T
  /** Milliseconds of each run; the value is from the last one. */
  readonly runs: readonly number[]
}

/** Longer runs are not repeated; milliseconds. */
const AGAIN_MS = 2000

/**
 * Runs twice where the first time is short: some drivers, lavapipe among them, compile kernels when they are first dispatched.
 */
export async function timeRuns<T>(run: () => Promise<T>, now: () => number = () => performance.now()): Promise<Timed<T>> {
  const timeOnce = async (): Promise<readonly [T, number]> => {
    const start = now()
    return [await run(), now() - start]
  }
  const [first, took] = await timeOnce()
  if (took > AGAIN_MS) return { value: first, runs: [took] }
  const [second, again] = await timeOnce()
  return { value: second, runs: [took, again] }
}

/** `run in 15.0 ms (37.7 ms the first time)` */
export const runWords = ([first, second]: readonly number[]): string =>
  second === undefined
    ? `run in ${milliseconds(first)} ms, the first time: a driver may have compiled kernels in it`
    : `run in ${milliseconds(second)} ms (${milliseconds(first)} ms the first time)`
