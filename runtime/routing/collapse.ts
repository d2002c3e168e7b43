import { logGamma } from './log-gamma.ts'
import type { Reals } from './record.ts'

export interface Collapse {
  /** Mean over i != j of |Pearson(r_i, r_j)|. */
  readonly pearson: number | null
  /** Mean over i != j of |cos(r_i, r_j)|. */
  readonly cosine: number | null
}

export const ROUTER_VERDICTS = ['apart', 'as random', 'alike', 'collapsed', 'unknown'] as const

/** `apart`: less alike than random rows; `alike`: more; `unknown`: no pair of rows, or no room for directions. */
export type RouterVerdict = (typeof ROUTER_VERDICTS)[number]

/** What rows of random directions have: the expectation of each measure, and the deviation of the mean of all pairs. */
export interface RandomRows {
  readonly pearson: { readonly mean: number; readonly deviation: number }
  readonly cosine: { readonly mean: number; readonly deviation: number }
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

/**
 * Of `rows` independent random directions in `width` dimensions. The cosine t of two has the density (1 - t^2)^((D - 3) / 2) /
 * B(1/2, (D - 1) / 2), so that E |t| = Γ(D / 2) / (sqrt(π) Γ((D + 1) / 2)), about sqrt(2 / (π D)), and E t^2 = 1 / D (Cai, Fan
 * and Jiang, 2013, arXiv:1306.0256). The cosines of different pairs are independent two by two, and their mean over E (E - 1) / 2
 * pairs has so much less variance.
 */
function randomDirections(rows: number, width: number): RandomRows['cosine'] {
  const mean = width <= 1 ? 1 : Math.exp(logGamma(width / 2) - logGamma((width + 1) / 2)) / Math.sqrt(Math.PI)
  const pairs = (rows * (rows - 1)) / 2
  return { mean, deviation: Math.sqrt(Math.max(0, 1 / Math.max(1, width) - mean * mean) / Math.max(1, pairs)) }
}

/** Rows without their means have a dimension less to point in. */
export const randomRows = (rows: number, width: number): RandomRows => ({
  pearson: randomDirections(rows, width - 1),
  cosine: randomDirections(rows, width),
})

/** Of the way from random rows to rows that all say the same: where rows are called alike, and where collapsed. */
const [ALIKE, COLLAPSED] = [0.1, 0.5]

/** Deviations that are chance. */
const CHANCE = 3

/** By the correlation; by the cosine where rows have none. */
export function routerVerdict({ pearson, cosine }: Collapse, random: RandomRows): RouterVerdict {
  const [value, { mean, deviation }] = pearson === null ? [cosine, random.cosine] : [pearson, random.pearson]
  if (value === null || mean >= 1) return 'unknown'
  if (value < mean - CHANCE * deviation) return 'apart'
  const level = (value - mean) / (1 - mean)
  if (value <= mean + CHANCE * deviation || level < ALIKE) return 'as random'
  return level < COLLAPSED ? 'alike' : 'collapsed'
}

/**
 * Mean over i != j of cos(r_i, r_j), with its sign: for the expert outputs of one token, their similarity. LibMoE, appendix E.
 */
export const meanCosine = (values: Reals, width: number): number | null =>
  meanOfPairs(rowsOf(values, width).map(unit), (cosine) => cosine)
