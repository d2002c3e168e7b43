/** What rules ask of a node. */
import { ONE, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { isOp } from '../../graph/walk.ts'

/** The one value of all elements, where it is known. */
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

/** The axes that are longer than 1, or may be. */
export const longAxes = (shape: readonly Dim[]): number[] => shape.flatMap((size, axis) => (size === ONE ? [] : [axis]))

export { NONE } from '../../ops/build.ts'
export { isIdentityOrder, type Maker } from '../../ops/maker.ts'
export { sameShape } from '../../ops/shapes.ts'
export { isOp }
