/** Inner products of all pairs of experts, added up over pieces of their weights: memory of one piece, in f64. */

/** Adds x x^T of x [count, width] to the lower triangle of `gram`, [count, count]. */
export function addGram(gram: Float64Array, x: Float32Array, count: number, width: number): void {
  for (let i = 0; i < count; i++) {
    const a = x.subarray(i * width, (i + 1) * width)
    for (let j = 0; j <= i; j++) {
      const b = x.subarray(j * width, (j + 1) * width)
      let [even, odd] = [0, 0]
      let at = 0
      for (; at + 1 < width; at += 2) {
        even += a[at] * b[at]
        odd += a[at + 1] * b[at + 1]
      }
      if (at < width) even += a[at] * b[at]
      gram[i * count + j] += even + odd
    }
  }
}

/** The norm of each row, [count]. */
export const normsOf = (gram: Float64Array, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => Math.sqrt(gram[i * count + i]))

/** The cosine of each pair i > j, in the order (1, 0), (2, 0), (2, 1), ...; NaN where one of the two is zero. */
export function cosinesOf(gram: Float64Array, count: number): readonly number[] {
  const norms = normsOf(gram, count)
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: i }, (__, j) => Math.max(-1, Math.min(1, gram[i * count + j] / (norms[i] * norms[j])))),
  ).flat()
}
