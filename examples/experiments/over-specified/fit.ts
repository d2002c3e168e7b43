/** Least squares in f64 by the method of Levenberg (1944) and Marquardt (1963). */
import { answerOf, D, isUsed, type Mixture } from './mixture.ts'

export interface Samples {
  /** [n, D] */
  readonly x: Float64Array
  /** [n] */
  readonly y: Float64Array
}

export interface Fit {
  readonly parameters: Float64Array
  /** Mean of the squares of what is missed. */
  readonly loss: number
  /** The largest number of the gradient of the loss. */
  readonly gradient: number
  readonly iterations: number
}

/** Where a gradient is small enough, and the most iterations. */
const [SMALL, MOST] = [1e-8, 1000]

const [FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING] = [1e-2, 1e-14, 1e12]

interface Linear {
  readonly loss: number
  /** J^T r / n and J^T J / n, symmetric, by rows. */
  readonly slope: Float64Array
  readonly curvature: Float64Array
}

export function lossOf(mixture: Mixture, parameters: Float64Array, { x, y }: Samples): number {
  const answer = answerOf(mixture)
  let sum = 0
  for (let at = 0; at < y.length; at++) sum += (answer(parameters, x, at * D) - y[at]) ** 2
  return sum / y.length
}

function linearise(mixture: Mixture, parameters: Float64Array, { x, y }: Samples): Linear {
  const answer = answerOf(mixture)
  const size = parameters.length
  const [slope, curvature, row] = [new Float64Array(size), new Float64Array(size * size), new Float64Array(size)]
  let sum = 0
  for (let at = 0; at < y.length; at++) {
    const miss = answer(parameters, x, at * D, row) - y[at]
    sum += miss * miss
    for (let i = 0; i < size; i++) {
      slope[i] += row[i] * miss
      for (let j = 0; j <= i; j++) curvature[i * size + j] += row[i] * row[j]
    }
  }
  for (let i = 0; i < size; i++) {
    slope[i] /= y.length
    for (let j = 0; j <= i; j++) curvature[j * size + i] = curvature[i * size + j] /= y.length
  }
  return { loss: sum / y.length, slope, curvature }
}

/** Solves (A + damping I) z = b by Cholesky's factors; null where the matrix is not positive definite. */
function solve(matrix: Float64Array, right: Float64Array, damping: number): Float64Array | null {
  const size = right.length
  const factor = new Float64Array(size * size)
  const z = Float64Array.from(right)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j] + (i === j ? damping : 0)
      for (let k = 0; k < j; k++) sum -= factor[i * size + k] * factor[j * size + k]
      if (i === j && !(sum > 0)) return null
      factor[i * size + j] = i === j ? Math.sqrt(sum) : sum / factor[j * size + j]
    }
    for (let k = 0; k < i; k++) z[i] -= factor[i * size + k] * z[k]
    z[i] /= factor[i * size + i]
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) z[i] -= factor[k * size + i] * z[k]
    z[i] /= factor[i * size + i]
  }
  return z
}

/** From a start to where the gradient is at most 1e-8, or no step that f64 tells apart is better. */
export function fit(mixture: Mixture, start: Float64Array, samples: Samples): Fit {
  let parameters = Float64Array.from(start)
  let here = linearise(mixture, parameters, samples)
  let damping = FIRST_DAMPING
  const gradient = (): number =>
    2 * here.slope.reduce((most, one, place) => (isUsed(mixture, place) ? Math.max(most, Math.abs(one)) : most), 0)
  for (let iteration = 0; ; iteration++) {
    if (gradient() <= SMALL || iteration === MOST || damping > MOST_DAMPING)
      return { parameters, loss: here.loss, gradient: gradient(), iterations: iteration }
    const step = solve(here.curvature, here.slope, damping)
    const next = step === null ? parameters : parameters.map((value, at) => value - step[at])
    if (step !== null && lossOf(mixture, next, samples) < here.loss) {
      parameters = next
      here = linearise(mixture, parameters, samples)
      damping = Math.max(LEAST_DAMPING, damping / 5)
    } else damping *= 4
  }
}
