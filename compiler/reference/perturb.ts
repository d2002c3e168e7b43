/**
 * Error bounds of ops that iterate, by perturbation: the result may change as much as it does where operands change by their
 * errors and by the rounding of every operation. Monte Carlo arithmetic (Parker, 1997), with the largest change of a few fixed
 * samples in the place of their distribution.
 */
import type { Node } from '../graph/node.ts'
import { philox } from '../../plan/philox.ts'
import { chain, F32, type Precision } from './precision.ts'
import { EvaluationError, hostTensor, type HostTensor } from './tensor.ts'

interface Operand {
  readonly value: HostTensor
  readonly error: Float64Array
}

interface Step {
  readonly node: Node
  readonly operands: readonly Operand[]
  readonly value: HostTensor
  readonly evaluate: (operands: readonly HostTensor[]) => HostTensor
  readonly precision: Precision
}

const SAMPLES = 6

/** The largest change of a sample is a fraction of the largest there may be. */
const FACTOR = 4

/** From -1 to 1, the same for the same counter. */
const noise = (sample: number, operand: number, at: number): number =>
  (2 * philox([sample, operand], [at >>> 2, 0, 0, 0])[at & 3]) / 2 ** 32 - 1

/** Operations that an element passes through in one iteration: those of the largest operand, once along each axis. */
const operations = (operands: readonly Operand[]): number =>
  Math.max(...operands.map(({ value: { shape } }) => shape.reduce((sum, size) => sum + size, 8)))

/**
 * The lowest f32 marks what does not count, as the log-sum-exp of a row that sees no key: it is exact, and does not count
 * in the largest value of its tensor.
 */
const isMark = (x: number): boolean => Math.abs(x) >= F32.largest

function disturb(
  { value: { shape, dtype, values }, error }: Operand,
  sample: number,
  operand: number,
  relative: number,
): HostTensor {
  if (dtype !== 'f32') return hostTensor(shape, dtype, values)
  const largest = values.reduce((most, x) => Math.max(most, isMark(x) || Number.isNaN(x) ? 0 : Math.abs(x)), 0)
  return hostTensor(
    shape,
    dtype,
    values.map((x, at) =>
      isMark(x) ? x : x + noise(sample, operand, at) * (error[at] + relative * Math.max(Math.abs(x), largest * relative)),
    ),
  )
}

/** How far each element moves, over all samples; infinite where a sample has no value. */
export function perturbed({ operands, value, evaluate, precision }: Step): Float64Array {
  if (operands.some(({ error }) => error.includes(Infinity))) return new Float64Array(value.values.length).fill(Infinity)
  const relative = chain(operations(operands), precision)
  const worst = value.values.map((x) => (Number.isFinite(x) ? relative * Math.abs(x) + precision.smallest : 0))
  for (let sample = 0; sample < SAMPLES; sample++) {
    const moved = sampleOf(() => evaluate(operands.map((operand, at) => disturb(operand, sample, at, relative))))
    worst.forEach((most, i) => {
      const change = moved === null ? Infinity : Math.abs(moved.values[i] - value.values[i])
      worst[i] = Math.max(most, Number.isNaN(change) ? Infinity : FACTOR * change)
    })
  }
  return worst
}

function sampleOf(evaluate: () => HostTensor): HostTensor | null {
  try {
    return evaluate()
  } catch (problem) {
    if (problem instanceof EvaluationError) return null
    throw problem
  }
}
