/** Work in the order of the calls, one at a time. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>

/** Work begins at once where none is under way. */
export function createExclusive(): Exclusive {
  let last: Promise<unknown> | null = null
  return (work) => {
    const result = last === null ? work() : last.then(work)
    // without the value: it would keep the outputs of the last run alive
    const settled = result.then(
      () => {},
      () => {},
    )
    last = settled
    void settled.then(() => {
      if (last === settled) last = null
    })
    return result
  }
}
