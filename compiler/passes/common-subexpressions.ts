/** One node for one computation: the builder shares what is alike, this pass makes alike what only looks different. */
import type { Graph, Node } from '../graph/node.ts'
import { recordOf } from '../ops/records.ts'
import { rebuild } from './rewrite.ts'

/** a + b and b + a  ==>  the operand made first, first. */
function ordered(node: Node, inputs: readonly Node[]): readonly Node[] {
  if (!recordOf(node.op).commutative || inputs[0].id <= inputs[1].id) return inputs
  return [inputs[1], inputs[0], ...inputs.slice(2)]
}

export const eliminateCommonSubexpressions = (graph: Graph): Graph =>
  rebuild(graph, (node, inputs, make) => make(node.op, ordered(node, inputs), node.params as never))
