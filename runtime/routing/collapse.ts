import type { Reals } from './record.ts'

export interface Collapse {
  /** Mean over i != j of |Pearson(r_i, r_j)|. */
  readonly pearson: number | null
  /** Mean over i != j of |cos(r_i, r_j)|. */
  readonly cosine: number | null
}

type Vector = Float64Array

const dot = (a: Vector, b: Vector): number => {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += a[at] * b[at]
  return sum
}

const rowsOf = (values: Reals, width: number): readonly Vector[] =>
  Array.from({ length: values.length / width }, (_, row) => Float64Array.from(values.subarray(row * width, (row + 1) * width)))

const largestOf = (row: Vector): number => row.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

/** What rounding leaves of a constant row is nothing. */
function centred(row: Vector): Vector {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length
  const apart = row.map((value) => value - mean)
  return largestOf(apart) <= row.length * Number.EPSILON * largestOf(row) ? apart.fill(0) : apart
}

/** Divided by its largest element first, so that no square overflows; null for a row of zeros. */
function unit(row: Vector): Vector | null {
  const largest = largestOf(row)
  if (largest === 0) return null
  const scaled = row.map((value) => value / largest)
  const norm = Math.sqrt(dot(scaled, scaled))
  return scaled.map((value) => value / norm)
}

/** Rows without a direction belong to no pair; null where no pair is left. */
function meanOfPairs(rows: readonly (Vector | null)[], of: (cosine: number) => number): number | null {
  const units = rows.filter((row) => row !== null)
  let sum = 0
  for (let i = 0; i < units.length; i++) for (let j = 0; j < i; j++) sum += of(dot(units[i], units[j]))
  return units.length < 2 ? null : sum / ((units.length * (units.length - 1)) / 2)
}

/**
 * Collapse level of the rows of a matrix [E, D]: 1 where all say the same, near 0 where each says its own. Do, Le and Tran, 2026,
 * arXiv:2605.30992, figures 1 and 6. Constant rows have no correlation and rows of zeros no direction: they belong to no pair.
 */
export function collapse(values: Reals, width: number): Collapse {
  const rows = rowsOf(values, width)
  return { pearson: meanOfPairs(rows.map(centred).map(unit), Math.abs), cosine: meanOfPairs(rows.map(unit), Math.abs) }
}

/** Mean over i != j of cos(r_i, r_j), with its sign: of the experts' outputs for one token, how alike the answers are. LibMoE, appendix E. */
export const meanCosine = (values: Reals, width: number): number | null => meanOfPairs(rowsOf(values, width).map(unit), (cosine) => cosine)
