/** Host tensors, on which the reference semantics of the ops are defined. */
import type { DType } from '../graph/vocabulary.ts'

/** Row-major values in f64; `i32` are whole numbers in range, `bool` are 0 or 1. */
export interface HostTensor {
  readonly shape: readonly number[]
  readonly dtype: DType
  readonly values: Float64Array
}

/** The inputs of an evaluation do not match the graph: an id out of range, a negative size, a missing input. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
}

export const elements = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1)

export const hostTensor = (shape: readonly number[], dtype: DType, values: Float64Array): HostTensor => ({ shape, dtype, values })

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1]
  return strides
}

/** Reads shape.length nested loops over `values`, from `offset`, each axis by its stride; row-major result. */
export function strided(values: Float64Array, shape: readonly number[], strides: readonly number[], offset = 0): Float64Array {
  const result = new Float64Array(elements(shape))
  if (result.length === 0) return result
  const rank = shape.length
  const inner = rank === 0 ? 1 : shape[rank - 1]
  const step = rank === 0 ? 0 : strides[rank - 1]
  const counter = new Array<number>(Math.max(rank - 1, 0)).fill(0)
  let from = offset
  for (let at = 0; at < result.length; at += inner) {
    for (let i = 0; i < inner; i++) result[at + i] = values[from + i * step]
    for (let axis = rank - 2; axis >= 0; axis--) {
      from += strides[axis]
      if (++counter[axis] < shape[axis]) break
      from -= strides[axis] * shape[axis]
      counter[axis] = 0
    }
  }
  return result
}
