/** What it costs to compute a node again wherever it is read. */
import type { Node } from '../../graph/node.ts'
import type { OpKind } from '../../ops/record.ts'
import { records } from '../../ops/records.ts'

/** In loads; a sum over an axis is never done twice. */
const OWN: { readonly [K in OpKind]: number } = {
  leaf: 0,
  movement: 0,
  indexed: 0,
  elementwise: 0.25,
  reduction: 1000,
  contraction: 1000,
  routed: 1000,
  routine: 1000,
}

/** What a node takes beside its operands. */
export const ownCost = (node: Node): number => (records[node.op].isExpensive ? 4 : OWN[records[node.op].kind])

/** Roughly how many loads it takes to compute a node from what lies in memory. */
export function costs(nodes: readonly Node[], isFree: (node: Node) => boolean): ReadonlyMap<Node, number> {
  const cost = new Map<Node, number>()
  for (const node of nodes) {
    const inputs = node.inputs.reduce((sum, input) => sum + (isFree(input) ? 1 : cost.get(input)!), 0)
    cost.set(node, ownCost(node) + inputs)
  }
  return cost
}
