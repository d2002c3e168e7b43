/** What rules ask of a node. */
import { ONE, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { DType } from '../../graph/vocabulary.ts'
import { isOp } from '../../graph/walk.ts'
import { NONE } from '../../ops/build.ts'
import { sameShape } from '../../ops/shapes.ts'
import type { Make } from '../rewrite.ts'

/** The one value that all its elements have, where it is known to have one. */
export function uniform(node: Node): number | undefined {
  if (isOp(node, 'broadcast')) return uniform(node.inputs[0])
  if (!isOp(node, 'constant')) return undefined
  const { values } = node.params
  return values.length > 0 && values.every((value) => Object.is(value, values[0])) ? values[0] : undefined
}

export const isUniform = (node: Node, value: number): boolean => {
  const known = uniform(node)
  return known !== undefined && Object.is(known, value)
}

export const scalar = (make: Make, value: number, dtype: DType): Node =>
  make('constant', [], { dtype, shape: [], values: [value] })

/** A tensor with the same value everywhere. */
export function filled(make: Make, value: number, dtype: DType, shape: readonly Dim[]): Node {
  const one = scalar(make, value, dtype)
  return shape.length === 0 ? one : make('broadcast', [one], { shape, axes: [] })
}

export const isIdentityOrder = (order: readonly number[]): boolean => order.every((axis, i) => axis === i)

/** The axes that are more than 1 long, or may be. */
export const longAxes = (shape: readonly Dim[]): number[] => shape.flatMap((size, axis) => (size === ONE ? [] : [axis]))

export const reshape = (make: Make, node: Node, shape: readonly Dim[]): Node =>
  sameShape(node.shape, shape) ? node : make('reshape', [node], { shape })

export const transpose = (make: Make, node: Node, order: readonly number[]): Node =>
  isIdentityOrder(order) ? node : make('transpose', [node], { order })

export { NONE, isOp, sameShape }
