/**
 * Common subexpression elimination: the builder merges equal nodes, this pass makes nodes equal that differ in the order of
 * operands alone.
 */
import type { Graph, Node } from '../graph/node.ts'
import { recordOf } from '../ops/records.ts'
import { rebuild } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

// b + a  ==>  a + b, where a was made before b
export const eliminateCommonSubexpressions = (graph: Graph, fired: Fired = ignore): Graph =>
  rebuild(graph, (node, inputs, make) => {
    if (!isOutOfOrder(node, inputs)) return make(node.op, inputs, node.params as never)
    fired('order-commutative-operands')
    return make(node.op, [inputs[1], inputs[0], ...inputs.slice(2)], node.params as never)
  })

const isOutOfOrder = (node: Node, inputs: readonly Node[]): boolean =>
  recordOf(node.op).commutative && inputs[0].id > inputs[1].id
