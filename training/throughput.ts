/** Throughput and time to completion of a run. */

export interface Throughput {
  /** Mean over the last steps. */
  readonly itemsPerSecond: number
  /** Estimated seconds to the end, evaluations and checkpoints included. */
  readonly secondsLeft: number
}

/** The number of steps in the mean. */
const WINDOW = 20

/** A meter that is called after each step with its duration in ms and the number of steps that remain. */
export function createThroughputMeter(items: number, now: () => number): (milliseconds: number, stepsLeft: number) => Throughput {
  const start = now()
  const last: number[] = []
  let done = 0
  return (milliseconds, stepsLeft) => {
    done++
    last.push(milliseconds)
    if (last.length > WINDOW) last.shift()
    const mean = last.reduce((sum, each) => sum + each, 0) / last.length
    return { itemsPerSecond: mean > 0 ? (1000 * items) / mean : 0, secondsLeft: ((now() - start) / 1000 / done) * stepsLeft }
  }
}
