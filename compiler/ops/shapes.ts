/** Messages and checks shared by the shape rules. */
import { constantValue, type Dim } from '../../plan/dim.ts'
import type { DType } from '../graph/vocabulary.ts'
import type { ShapeError, TensorType } from './record.ts'

export const fail = (error: string): ShapeError => ({ error })

export const shapeText = (shape: readonly Dim[]): string => `[${shape.map((size) => size.key).join(', ')}]`

export const typeText = ({ shape, dtype }: TensorType): string => `${dtype}${shapeText(shape)}`

/** Dims are interned, so the same shape is the same dims. */
export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis])

/** The first error, if any. */
export const firstOf = (...complaints: readonly (ShapeError | null)[]): ShapeError | null =>
  complaints.find((complaint) => complaint !== null) ?? null

export const wantCount = (inputs: readonly TensorType[], ...counts: readonly number[]): ShapeError | null =>
  counts.includes(inputs.length) ? null : fail(`takes ${counts.join(' or ')} operands, not ${inputs.length}`)

export const wantType = (input: TensorType, word: string, ...dtypes: readonly DType[]): ShapeError | null =>
  dtypes.includes(input.dtype) ? null : fail(`the ${word} is ${dtypes.join(' or ')}, not ${input.dtype}`)

export const wantRank = (input: TensorType, word: string, rank: number): ShapeError | null =>
  input.shape.length === rank ? null : fail(`the ${word} has ${rank} axes, not ${shapeText(input.shape)}`)

export const wantAxis = (input: TensorType, axis: number): ShapeError | null =>
  Number.isInteger(axis) && axis >= 0 && axis < input.shape.length
    ? null
    : fail(`axis ${axis} is not one of the ${input.shape.length} axes of ${shapeText(input.shape)}`)

/** `what` names both places: `axis 1 of the left and axis 0 of the right`. */
export const wantSame = (a: Dim, b: Dim, what: string): ShapeError | null =>
  a === b ? null : fail(`${what} differ: ${a.key} and ${b.key}`)

/** A size known to be below zero. */
export function wantSizes(shape: readonly Dim[]): ShapeError | null {
  const axis = shape.findIndex((size) => (constantValue(size) ?? 0) < 0)
  return axis < 0 ? null : fail(`axis ${axis} has the size ${shape[axis].key}`)
}
