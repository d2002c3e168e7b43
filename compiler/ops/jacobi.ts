/**
 * Singular vectors in f64 by one-sided Jacobi rotations (Hestenes, 1958; the rotation as Rutishauser, 1966): the vectors of the
 * longer side are rotated pair by pair until all are orthogonal, and the same rotations of the unit vectors give the other side.
 */

/** Sorted by value, descending; vector j of either side belongs to value j. */
export interface Decomposition {
  readonly values: readonly number[]
  readonly long: readonly Float64Array[]
  readonly short: readonly Float64Array[]
}

/** A pair whose cosine is below this is orthogonal. */
const ORTHOGONAL = 2 ** -50
/** A vector this much shorter than the longest is rounding, and has no direction of its own. */
const VANISHING = 2 ** -50
const MOST_SWEEPS = 60

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** a' = a - s (b + tau a), b' = b + s (a - tau b), where tau is the tangent of half the angle. */
function turn(a: Float64Array, b: Float64Array, s: number, tau: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i], b[i]]
    a[i] = x - s * (y + tau * x)
    b[i] = y + s * (x - tau * y)
  }
}

/** Makes a pair orthogonal; false where it was, or where one of the two is no longer than `floor`. */
function rotate(long: readonly Float64Array[], short: readonly Float64Array[], p: number, q: number, floor: number): boolean {
  const [a, b, c] = [dot(long[p], long[p]), dot(long[q], long[q]), dot(long[p], long[q])]
  if (!(Math.abs(c) > ORTHOGONAL * Math.sqrt(a) * Math.sqrt(b)) || Math.sqrt(Math.min(a, b)) <= floor) return false
  const zeta = (b - a) / (2 * c)
  const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta))
  const half = tangent / (1 + Math.sqrt(1 + tangent * tangent))
  const sine = (2 * half) / (1 + half * half)
  turn(long[p], long[q], sine, half)
  turn(short[p], short[q], sine, half)
  return true
}

function sweep(long: readonly Float64Array[], short: readonly Float64Array[]): boolean {
  const floor = VANISHING * Math.sqrt(Math.max(...long.map((vector) => dot(vector, vector))))
  let turned = false
  for (let p = 0; p < long.length; p++) {
    for (let q = p + 1; q < long.length; q++) if (rotate(long, short, p, q, floor)) turned = true
  }
  return turned
}

/** A unit vector orthogonal to those given: what is left of the axis that they cover least. */
function another(vectors: readonly Float64Array[], length: number): Float64Array {
  const covered = Array.from({ length }, (_, i) => vectors.reduce((sum, vector) => sum + vector[i] ** 2, 0))
  const made = new Float64Array(length)
  made[covered.indexOf(Math.min(...covered))] = 1
  for (let pass = 0; pass < 2; pass++) {
    for (const vector of vectors) {
      const along = dot(vector, made)
      for (let i = 0; i < length; i++) made[i] -= along * vector[i]
    }
  }
  const norm = Math.sqrt(dot(made, made))
  return made.map((x) => x / norm)
}

/**
 * The vectors given, no longer than they are many, with the axes of their span: `long` are of their length, `short` of their
 * number.
 */
export function decompose(vectors: readonly Float64Array[]): Decomposition {
  const length = vectors[0].length
  const largest = vectors.reduce((most, vector) => vector.reduce((m, x) => Math.max(m, Math.abs(x)), most), 0)
  // a power of two changes no digit, and squares neither overflow nor vanish
  const scale = 2 ** Math.min(1000, Math.max(-1000, -Math.floor(Math.log2(largest === 0 ? 1 : largest))))
  const long = vectors.map((vector) => vector.map((x) => x * scale))
  const short = vectors.map((_, j) => Float64Array.from({ length: vectors.length }, (__, i) => (i === j ? 1 : 0)))
  for (let n = 0; n < MOST_SWEEPS && sweep(long, short); n++);

  const norms = long.map((vector) => Math.sqrt(dot(vector, vector)))
  const order = [...norms.keys()].sort((i, j) => norms[j] - norms[i] || i - j)
  const floor = VANISHING * norms[order[0]]
  const units: Float64Array[] = []
  for (const j of order) units.push(norms[j] > floor ? long[j].map((x) => x / norms[j]) : another(units, length))
  return { values: order.map((j) => norms[j] / scale), long: units, short: order.map((j) => short[j]) }
}
