/** How a balanced step of a file comes to its stop. */
import { records } from '../../compiler/ops/records.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import type { Tensors } from './case.ts'

/** Of the column sums, near 1: float32 does not tell residuals apart that lie closer. */
const UNTOLD = 1e-7
const MOST = 100

const nowhere = {
  dims: {},
  input: () => {
    throw new Error('no inputs')
  },
  weight: () => {
    throw new Error('no weights')
  },
}

/** The residuals of the columns after 1, 2, ... iterations, up to the first within the tolerance. */
function residualsOf({ cost }: Tensors, xi: number, tolerance: number): readonly number[] {
  const [T, E] = cost.shape
  const operands = [
    hostTensor(
      cost.shape,
      'f32',
      cost.values.map((value) => value / xi),
    ),
    hostTensor([T], 'f32', new Float64Array(T).fill(1)),
    hostTensor([E], 'f32', new Float64Array(E).fill(T / E)),
  ]
  const residuals: number[] = []
  do
    residuals.push(records.sinkhorn.evaluate(operands, { iterations: residuals.length + 1, tolerance: 0 }, nowhere).values[E + 1])
  while (residuals.length < MOST && residuals.at(-1)! > tolerance)
  return residuals
}

/** Whether float32 is sure to stop after as many iterations as float64. */
export const stopsAlike = (vectors: Tensors, xi: number, tolerance: number): boolean =>
  residualsOf(vectors, xi, tolerance).every((residual) => Math.abs(residual - tolerance) > UNTOLD)
