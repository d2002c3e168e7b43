/** The cost model of fusion: what it takes to compute a node once more where it is read. */
import type { Node } from '../../graph/node.ts'
import type { OpKind } from '../../ops/record.ts'
import { records } from '../../ops/records.ts'

/** In loads. Whatever sums over an axis is never computed twice. */
const OWN: { readonly [K in OpKind]: number } = {
  leaf: 0,
  movement: 0,
  indexed: 0,
  elementwise: 0.25,
  reduction: 1000,
  contraction: 1000,
  routed: 1000,
  custom: 1000,
}

/** The cost of a node without that of its operands, in loads. */
export const ownCost = (node: Node): number => (records[node.op].isExpensive ? 4 : OWN[records[node.op].kind])

/** The cost of a node from values that are materialized, in loads; `isFree` tells which are. */
export function costs(nodes: readonly Node[], isFree: (node: Node) => boolean): ReadonlyMap<Node, number> {
  const cost = new Map<Node, number>()
  for (const node of nodes) {
    const inputs = node.inputs.reduce((sum, input) => sum + (isFree(input) ? 1 : cost.get(input)!), 0)
    cost.set(node, ownCost(node) + inputs)
  }
  return cost
}
