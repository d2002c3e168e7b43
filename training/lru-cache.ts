/** A cache of the most recently used values. */
export interface LruCache<T> {
  /** The value of a key, created if missing; the least recently used value is evicted. */
  readonly at: (key: string, make: () => T) => T
  /** Removes a value without calling `drop`. */
  readonly forget: (key: string) => void
  readonly clear: () => void
}

/** Keeps at most `capacity` values and calls `drop` with each evicted one. */
export function createLruCache<T>(capacity: number, drop: (value: T) => void): LruCache<T> {
  const kept = new Map<string, T>()

  const makeRoom = (): void => {
    for (const [key, value] of [...kept].slice(0, Math.max(0, kept.size - capacity))) {
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
