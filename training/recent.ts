/** Values by their keys, those that were asked for last. */
export interface Recent<T> {
  /** The value of a key, made where it is not there; the one that was asked for the longest ago makes room. */
  readonly at: (key: string, make: () => T) => T
  /** Lets a value go without `drop`. */
  readonly forget: (key: string) => void
  readonly clear: () => void
}

/** Keeps `most`; `drop` is called with each value that goes. */
export function createRecent<T>(most: number, drop: (value: T) => void): Recent<T> {
  const kept = new Map<string, T>()

  const makeRoom = (): void => {
    for (const [key, value] of [...kept].slice(0, Math.max(0, kept.size - most))) {
      kept.delete(key)
      drop(value)
    }
  }

  const at = (key: string, make: () => T): T => {
    const value = kept.get(key) ?? make()
    kept.delete(key)
    kept.set(key, value)
    makeRoom()
    return value
  }

  const clear = (): void => {
    const values = [...kept.values()]
    kept.clear()
    values.forEach(drop)
  }

  return { at, forget: (key) => void kept.delete(key), clear }
}
