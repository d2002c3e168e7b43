/** How fast a run goes. */

export interface Pace {
  /** Items a second over the last steps. */
  readonly rate: number
  /** Seconds to the end, whatever lies between the steps included. */
  readonly left: number
}

/** Steps that a pace is the mean of. */
const LAST = 20

/** Tells of each step how long it took, in ms, and how many are left. */
export function createPace(items: number, now: () => number): (milliseconds: number, left: number) => Pace {
  const start = now()
  const last: number[] = []
  let done = 0
  return (milliseconds, left) => {
    done++
    last.push(milliseconds)
    if (last.length > LAST) last.shift()
    const mean = last.reduce((sum, each) => sum + each, 0) / last.length
    return { rate: mean > 0 ? (1000 * items) / mean : 0, left: ((now() - start) / 1000 / done) * left }
  }
}
