/** What is made of the last key is kept, for callers that ask for the same several times in a row. */
export function lastMade<K, T>(make: (key: K) => Promise<T>): (key: K) => Promise<T> {
  let last: { readonly key: K; readonly made: Promise<T> } | null = null
  return (key) => {
    if (last?.key !== key) last = { key, made: make(key) }
    return last.made
  }
}
