/** Recompute or store: which live-outs of a group are stored, where there are several. */
import type { Node } from '../../graph/node.ts'
import { keepsPlaces } from '../../ops/kinds.ts'
import { ownCost } from './cost-model.ts'

/** Elementwise work of no more than this is recomputed by every reader, from values that the reader loads anyway. */
const MAX_RECOMPUTE_COST = 12

/**
 * Of the live-outs of a group, those to store; readers recompute the others from them, element by element. `isSure` tells which
 * are materialized whatever is done with the rest.
 */
export function storedOf(members: ReadonlySet<Node>, outs: readonly Node[], isSure: (node: Node) => boolean): readonly Node[] {
  if (outs.length <= 1) return outs
  const sure = new Set(outs.filter(isSure))
  const costs = new Map<Node, number>()
  const costOf = (node: Node): number => {
    if (!members.has(node) || sure.has(node)) return 1
    const known = costs.get(node)
    if (known !== undefined) return known
    const cost = keepsPlaces(node) ? node.inputs.reduce((sum, input) => sum + costOf(input), ownCost(node)) : Infinity
    costs.set(node, cost)
    return cost
  }
  return outs.filter((node) => sure.has(node) || costOf(node) > MAX_RECOMPUTE_COST)
}

/** Of a set, the nodes and all that they depend on. */
export function within(set: ReadonlySet<Node>, nodes: readonly Node[]): Set<Node> {
  const found = new Set(nodes)
  for (const node of found) for (const input of node.inputs) if (set.has(input)) found.add(input)
  return found
}
