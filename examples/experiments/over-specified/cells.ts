/**
 * How far the experts of a fit are from the true ones. Each is in the cell of the true expert that it is nearest to, by slopes
 * and offset; Ho, Yang and Jordan (2022) measure fits with too many experts by such cells.
 */
import { MASS, SLOPES, WIDTH } from './mixture.ts'

export interface CellErrors {
  /** Root mean square of a number of an expert that is alone in its cell; null where none is. */
  readonly alone: number | null
  /** The same of experts that share a cell, each by its share of the mass of the cell; null where none does. */
  readonly shared: number | null
  /** Masses that cells miss, and distances by mass: of experts that share a cell squared. */
  readonly voronoi: number
}

const NUMBERS = WIDTH - SLOPES

function squaredDistance(a: Float64Array, i: number, b: Float64Array, j: number): number {
  let sum = 0
  for (let at = SLOPES; at < WIDTH; at++) sum += (a[i * WIDTH + at] - b[j * WIDTH + at]) ** 2
  return sum
}

/** Masses that sum to 1. */
function massesOf(parameters: Float64Array): readonly number[] {
  const masses = Array.from({ length: parameters.length / WIDTH }, (_, expert) => Math.exp(parameters[expert * WIDTH + MASS]))
  const sum = masses.reduce((a, b) => a + b)
  return masses.map((mass) => mass / sum)
}

const rootMean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : Math.sqrt(values.reduce((a, b) => a + b) / values.length)

export function cellErrors(found: Float64Array, truth: Float64Array): CellErrors {
  const [masses, trueMasses] = [massesOf(found), massesOf(truth)]
  const nearest = masses.map((_, j) => {
    const distances = trueMasses.map((__, i) => squaredDistance(found, j, truth, i))
    return distances.indexOf(Math.min(...distances))
  })
  const [alone, shared]: [number[], number[]] = [[], []]
  let voronoi = 0
  trueMasses.forEach((trueMass, i) => {
    const cell = masses.map((_, j) => j).filter((j) => nearest[j] === i)
    const mass = cell.reduce((sum, j) => sum + masses[j], 0)
    const squares = cell.map((j) => squaredDistance(found, j, truth, i))
    voronoi += Math.abs(mass - trueMass)
    cell.forEach((j, at) => (voronoi += masses[j] * (cell.length > 1 ? squares[at] : Math.sqrt(squares[at]))))
    if (cell.length === 1) alone.push(squares[0] / NUMBERS)
    if (cell.length > 1) shared.push(cell.reduce((sum, j, at) => sum + (masses[j] * squares[at]) / mass / NUMBERS, 0))
  })
  return { alone: rootMean(alone), shared: rootMean(shared), voronoi }
}
