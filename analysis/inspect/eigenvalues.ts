/**
 * Eigenvalues of a symmetric matrix in f64: Householder reflections to a tridiagonal one (Martin, Reinsch and Wilkinson, 1968),
 * then QL steps with implicit shifts (Dubrulle, Martin and Wilkinson, 1971).
 */

interface Tridiagonal {
  readonly diagonal: Float64Array
  /** Entry i is between i - 1 and i; the first is 0. */
  readonly beside: Float64Array
}

/** x' = a x with a symmetric, from its lower triangle of `size` rows. */
function timesSymmetric(a: Float64Array, stride: number, size: number, x: Float64Array): Float64Array {
  const made = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    let sum = a[i * stride + i] * x[i]
    for (let j = 0; j < i; j++) {
      const value = a[i * stride + j]
      sum += value * x[j]
      made[j] += value * x[i]
    }
    made[i] += sum
  }
  return made
}

/** Reflects row after row from the last on, in the lower triangle; `a` is overwritten. */
function tridiagonal(a: Float64Array, n: number): Tridiagonal {
  const [diagonal, beside] = [new Float64Array(n), new Float64Array(n)]
  for (let row = n - 1; row > 0; row--) {
    const v = a.slice(row * n, row * n + row)
    const scale = v.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    diagonal[row] = a[row * n + row]
    if (scale === 0) continue
    for (let i = 0; i < row; i++) v[i] /= scale
    const norm = Math.sqrt(v.reduce((sum, value) => sum + value * value, 0))
    const last = v[row - 1]
    const side = last >= 0 ? -norm : norm
    beside[row] = scale * side
    v[row - 1] = last - side
    const h = norm * norm - last * side
    const p = timesSymmetric(a, n, row, v)
    for (let i = 0; i < row; i++) p[i] /= h
    const k = p.reduce((sum, value, i) => sum + value * v[i], 0) / (2 * h)
    for (let i = 0; i < row; i++) p[i] -= k * v[i]
    for (let i = 0; i < row; i++) for (let j = 0; j <= i; j++) a[i * n + j] -= v[i] * p[j] + p[i] * v[j]
  }
  if (n > 0) diagonal[0] = a[0]
  return { diagonal, beside }
}

const MOST_STEPS = 64

/** One QL step on rows `low` to `high`, with the shift of the corner at `low`. */
function step(d: Float64Array, e: Float64Array, low: number, high: number): void {
  let g = (d[low + 1] - d[low]) / (2 * e[low])
  let r = Math.hypot(g, 1)
  g = d[high] - d[low] + e[low] / (g + (g >= 0 ? r : -r))
  let [s, c, p] = [1, 1, 0]
  for (let i = high - 1; i >= low; i--) {
    const [f, b] = [s * e[i], c * e[i]]
    r = Math.hypot(f, g)
    e[i + 1] = r
    if (r === 0) {
      d[i + 1] -= p
      e[high] = 0
      return
    }
    ;[s, c] = [f / r, g / r]
    g = d[i + 1] - p
    r = (d[i] - g) * s + 2 * c * b
    p = s * r
    d[i + 1] = g + p
    g = c * r - b
  }
  d[low] -= p
  e[low] = g
  e[high] = 0
}

/** Of a symmetric matrix [n, n], of which the lower triangle is read and overwritten; descending. */
export function eigenvalues(matrix: Float64Array, n: number): Float64Array {
  const { diagonal: d, beside } = tridiagonal(matrix, n)
  const e = new Float64Array(n)
  e.set(beside.subarray(1))
  for (let low = 0; low < n; low++) {
    for (let steps = 0; ; steps++) {
      let high = low
      while (high < n - 1 && Math.abs(e[high]) > Number.EPSILON * (Math.abs(d[high]) + Math.abs(d[high + 1]))) high++
      if (high === low) break
      if (steps === MOST_STEPS) throw new Error(`eigenvalue ${low} of ${n} does not converge`)
      step(d, e, low, high)
    }
  }
  return d.sort().reverse()
}
