/** One vector for a text from the hidden states of its tokens, as Sentence Transformers pools them. */

export type Pooling = 'mean' | 'cls' | 'last' | 'max'
export const POOLINGS: readonly Pooling[] = ['mean', 'cls', 'last', 'max']

/** `hidden` is [S * D], S at least 1; [D] in f64. */
export function pool(hidden: Float32Array, width: number, pooling: Pooling): Float64Array {
  const count = hidden.length / width
  const row = (at: number): Float64Array => Float64Array.from(hidden.subarray(at * width, (at + 1) * width))
  if (pooling === 'cls') return row(0)
  if (pooling === 'last') return row(count - 1)
  const found = row(0)
  for (let at = 1; at < count; at++)
    for (let i = 0; i < width; i++) {
      const value = hidden[at * width + i]
      found[i] = pooling === 'max' ? Math.max(found[i], value) : found[i] + value
    }
  return pooling === 'mean' ? found.map((value) => value / count) : found
}

/** Of length 1; zeros stay zeros. */
export function normalised(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector)
  return length === 0 ? vector : vector.map((value) => value / length)
}

/** Of two vectors of one width; NaN where one is zero. */
export function cosine(a: Float64Array, b: Float64Array): number {
  const [x, y] = [normalised(a), normalised(b)]
  const isZero = (one: Float64Array): boolean => one.every((value) => value === 0)
  return isZero(x) || isZero(y) ? NaN : x.reduce((sum, value, at) => sum + value * y[at], 0)
}
