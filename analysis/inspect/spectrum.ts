/** Singular values of a matrix, and how many of them count, beside a matrix of independent random numbers. */
import { addGram } from './gram.ts'
import { eigenvalues } from './eigenvalues.ts'

/** The matrix or its transpose, whichever has fewer rows. */
function wide(matrix: Float32Array, rows: number, columns: number): Float32Array {
  if (rows <= columns) return matrix
  const made = new Float32Array(matrix.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) made[j * rows + i] = matrix[i * columns + j]
  return made
}

/**
 * [min(rows, columns)] of a matrix [rows, columns], descending. They are roots of eigenvalues of W W^T in f64: those below 1e-8
 * of the largest are rounding.
 */
export function singularValues(matrix: Float32Array, rows: number, columns: number): Float64Array {
  const [n, length] = [Math.min(rows, columns), Math.max(rows, columns)]
  const gram = new Float64Array(n * n)
  addGram(gram, wide(matrix, rows, columns), n, length)
  return eigenvalues(gram, n).map((value) => Math.sqrt(Math.max(0, value)))
}

/** exp of the entropy of the singular values over their sum: from 1 to their number. Roy and Vetterli, 2007. Null for zeros. */
export function effectiveRank(values: ArrayLike<number>): number | null {
  const all = Array.from(values)
  const sum = all.reduce((total, value) => total + value, 0)
  if (sum === 0) return null
  return Math.exp(all.reduce((entropy, value) => (value === 0 ? entropy : entropy - (value / sum) * Math.log(value / sum)), 0))
}

const POINTS = 4096

/**
 * The effective rank of a large matrix of independent numbers of one variance, by the distribution of Marchenko and Pastur
 * (1967): with y = rows / columns at most 1, squares of singular values have the density sqrt((b - t)(t - a)) / (2 pi y t)
 * between a, b = (1 -+ sqrt(y))^2.
 */
export function randomRank(rows: number, columns: number): number {
  const n = Math.min(rows, columns)
  const y = n / Math.max(rows, columns)
  const [middle, reach] = [1 + y, 2 * Math.sqrt(y)]
  let [mass, mean, entropy] = [0, 0, 0]
  for (let at = 0; at < POINTS; at++) {
    const angle = (Math.PI * (at + 0.5)) / POINTS
    const t = middle - reach * Math.cos(angle)
    const weight = Math.sin(angle) ** 2 / t
    const value = Math.sqrt(t)
    mass += weight
    mean += weight * value
    entropy += weight * value * Math.log(value)
  }
  return n * (mean / mass) * Math.exp(-entropy / mean)
}

export const RANK_VERDICTS = ['as random', 'low', 'collapsed', 'unknown'] as const
export type RankVerdict = (typeof RANK_VERDICTS)[number]

/** Of the effective rank of a random matrix: below these a matrix has a low rank, and a collapsed one. */
const [LOW, COLLAPSED] = [0.9, 0.5]

export function rankVerdict(rank: number | null, random: number): RankVerdict {
  if (rank === null) return 'unknown'
  return rank < COLLAPSED * random ? 'collapsed' : rank < LOW * random ? 'low' : 'as random'
}
