/** Host tensors, and ways to make them. */
import type { DType } from '../graph/vocabulary.ts'
import { EvaluationError, elements, hostTensor, type HostTensor } from '../ops/tensor.ts'

export { EvaluationError, elements, hostTensor, type HostTensor }

/** A tensor of these values, row-major. Throws an EvaluationError where their number is not the shape's. */
export function tensorOf(shape: readonly number[], dtype: DType, values: ArrayLike<number>): HostTensor {
  if (values.length !== elements(shape)) {
    throw new EvaluationError(`[${shape.join(', ')}] holds ${elements(shape)} values, not ${values.length}`)
  }
  return hostTensor(shape, dtype, Float64Array.from(values))
}

/** The last two axes in each other's place. */
export function swapLastTwo({ shape, dtype, values }: HostTensor): HostTensor {
  const [rows, columns] = shape.slice(-2)
  const size = rows * columns
  const swapped = values.map((_, i) => {
    const [start, within] = [Math.floor(i / size) * size, i % size]
    return values[start + (within % rows) * columns + Math.floor(within / rows)]
  })
  return hostTensor([...shape.slice(0, -2), columns, rows], dtype, swapped)
}
