/** How many nodes of a group follow one another. */
import type { Node } from '../../graph/node.ts'
import type { Facts } from './facts.ts'

/**
 * The nodes in a row that one kernel computes, and as many that are inlined in a row: longer chains are cut, so that recursion
 * has a bound when a kernel is written, and so has the text of the kernel.
 */
export const MAX_CHAIN = 200

/**
 * Node -> the length of the longest chain of members that ends in it: of nodes that join, and of members where those follow them.
 */
export function chainLengths(
  lengths: ReadonlyMap<Node, number>,
  added: readonly Node[],
  users: Facts['users'],
): ReadonlyMap<Node, number> {
  const arePrecedents = added.some((node) => users.get(node)!.some((user) => lengths.has(user)))
  const open = arePrecedents ? [...lengths.keys(), ...added] : added
  const found = new Map<Node, number>()
  const known = (node: Node): number => found.get(node) ?? (arePrecedents ? 0 : (lengths.get(node) ?? 0))
  for (const node of open.toSorted((a, b) => a.id - b.id))
    found.set(node, 1 + node.inputs.reduce((most, input) => Math.max(most, known(input)), 0))
  return found
}
