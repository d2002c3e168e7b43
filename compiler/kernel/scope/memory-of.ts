/** Which node's memory holds a value. */
import type { Node } from '../../graph/node.ts'

/** Where a node's values lie: itself, or what it is a reshape of; null where they are computed in place. */
export function memoryOf(node: Node, inMemory: (node: Node) => boolean): Node | null {
  if (inMemory(node)) return node
  return node.op === 'reshape' ? memoryOf(node.inputs[0], inMemory) : null
}
