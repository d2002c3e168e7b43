/** Matrices to decompose, and how good a decomposition is. */
import { uniform } from './random.ts'

/** Row-major. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

export const matrix = (rows: number, columns: number, value: (row: number, column: number) => number): Matrix => ({
  rows,
  columns,
  values: Float64Array.from({ length: rows * columns }, (_, t) => Math.fround(value(Math.floor(t / columns), t % columns))),
})

const next = (seed: number): (() => number) => {
  const draw = uniform(seed)
  return () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
}

export function normal(rows: number, columns: number, seed: number): Matrix {
  const draw = next(seed)
  return matrix(rows, columns, () => draw())
}

export function times(a: Matrix, b: Matrix): Matrix {
  return matrix(a.rows, b.columns, (i, j) => {
    let sum = 0
    for (let k = 0; k < a.columns; k++) sum += a.values[i * a.columns + k] * b.values[k * b.columns + j]
    return sum
  })
}

export const scaled = ({ rows, columns, values }: Matrix, by: number): Matrix =>
  matrix(rows, columns, (i, j) => values[i * columns + j] * by)

export const ofRank = (rank: number, rows: number, columns: number, seed: number): Matrix =>
  times(normal(rows, rank, seed), normal(rank, columns, seed + 1))

/** I - 2 v v^T / (v^T v): all singular values 1. */
export function reflection(size: number, seed: number): Matrix {
  const v = normal(size, 1, seed).values
  const norm = v.reduce((sum, x) => sum + x * x, 0)
  return matrix(size, size, (i, j) => (i === j ? 1 : 0) - (2 * v[i] * v[j]) / norm)
}

export interface Quality {
  /** ||x - u s v^T|| / ||x||, Frobenius; ||u s v^T|| where x is zero. */
  readonly residual: number
  /** The largest element of u^T u - 1 and of v^T v - 1. */
  readonly orthogonality: number
  readonly descends: boolean
  /** In each right vector the component of the largest magnitude is positive; of such as differ by rounding, one. */
  readonly signed: boolean
}

/** The parts of a packed decomposition. */
export function unpack({ rows, columns }: Matrix, packed: ArrayLike<number>) {
  const count = Math.min(rows, columns)
  const all = Float64Array.from(packed)
  const vectors = (start: number, length: number): readonly Float64Array[] =>
    Array.from({ length: count }, (_, j) => all.subarray(start + j * length, start + (j + 1) * length))
  return { values: all.subarray(0, count), left: vectors(count, rows), right: vectors(count + count * rows, columns) }
}

function orthogonality(vectors: readonly Float64Array[]): number {
  let worst = 0
  vectors.forEach((a, i) => {
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? -1 : 0
      for (let k = 0; k < a.length; k++) sum += a[k] * vectors[j][k]
      if (!(Math.abs(sum) <= worst)) worst = Math.abs(sum)
    }
  })
  return worst
}

const isSigned = (vector: Float64Array): boolean => {
  const largest = vector.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  return vector.some((x) => x >= largest * (1 - 1e-6))
}

export function quality(x: Matrix, packed: ArrayLike<number>): Quality {
  const { values, left, right } = unpack(x, packed)
  let [difference, norm] = [0, 0]
  for (let i = 0; i < x.rows; i++) {
    const row = Float64Array.from({ length: x.columns }, (_, j) => x.values[i * x.columns + j])
    norm += row.reduce((sum, value) => sum + value * value, 0)
    values.forEach((value, k) => {
      const scale = value * left[k][i]
      for (let j = 0; j < x.columns; j++) row[j] -= scale * right[k][j]
    })
    difference += row.reduce((sum, value) => sum + value * value, 0)
  }
  return {
    residual: Math.sqrt(norm === 0 ? difference : difference / norm),
    orthogonality: Math.max(orthogonality(left), orthogonality(right)),
    descends: values.every((value, k) => k === 0 || value <= values[k - 1]),
    signed: right.every(isSigned),
  }
}
