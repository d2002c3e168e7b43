/** Which nodes can be computed row by row. */
import { product, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { isElementwise, isReduction } from '../../ops/kinds.ts'

/** Whether the value of a node at a row depends on that row alone of the members it reads. */
export function isRowLocal(node: Node, rows: Dim, isMember: (node: Node) => boolean): boolean {
  const isScalar = (n: Node): boolean => product(n.shape) === rows
  const isVector = (n: Node): boolean => n.shape.length > 0 && product(n.shape.slice(0, -1)) === rows
  if (!isScalar(node) && !isVector(node)) return false
  if (isElementwise(node)) return true
  if (isReduction(node))
    return isVector(node.inputs[0]) && (node.params as { axis: number }).axis === node.inputs[0].shape.length - 1
  if (node.op === 'top_k') return isVector(node.inputs[0])
  if (node.op === 'pick') return isVector(node.inputs[0]) && isVector(node)
  if (node.op === 'reshape') {
    const [from] = node.inputs
    return (isScalar(from) && isScalar(node)) || (isVector(from) && isVector(node) && from.shape.at(-1) === node.shape.at(-1))
  }
  if (node.op === 'broadcast') {
    const [from] = node.inputs
    const leading = node.params.axes.every((axis, at) => axis === at)
    return isMember(from) && isScalar(from) && leading && from.shape.length === node.shape.length - 1
  }
  return false
}
