/** Which of the nodes that a group makes lie in memory, where others read several of them. */
import type { Node } from '../../graph/node.ts'
import { records } from '../../ops/records.ts'
import { ownCost } from './cost-model.ts'

/** Work of no more than this is rather done again by every reader than stored: it takes an element at a time, of what they read anyway. */
const MAX_RECOMPUTE_COST = 12

/**
 * Of the members that something outside reads, those to store; the others are worked out again from them, element by element. `isSure` tells
 * what lies in memory whatever is done with the rest.
 */
export function storedOf(members: ReadonlySet<Node>, exits: readonly Node[], isSure: (node: Node) => boolean): readonly Node[] {
  if (exits.length <= 1) return exits
  const sure = new Set(exits.filter(isSure))
  const costs = new Map<Node, number>()
  const costOf = (node: Node): number => {
    if (!members.has(node) || sure.has(node)) return 1
    const known = costs.get(node)
    if (known !== undefined) return known
    const kind = records[node.op].kind
    const cost =
      kind === 'elementwise' || node.op === 'reshape'
        ? node.inputs.reduce((sum, input) => sum + costOf(input), ownCost(node))
        : Infinity
    costs.set(node, cost)
    return cost
  }
  return exits.filter((node) => sure.has(node) || costOf(node) > MAX_RECOMPUTE_COST)
}

/** Of a set, the nodes and what leads to them. */
export function within(set: ReadonlySet<Node>, nodes: readonly Node[]): Set<Node> {
  const found = new Set(nodes)
  for (const node of found) for (const input of node.inputs) if (set.has(input)) found.add(input)
  return found
}
