/** Cycles between fusion groups, each taken as one vertex of the graph. */
import type { Node } from '../../graph/node.ts'
import type { Draft } from './draft.ts'
import type { Facts } from './facts.ts'

/** A graph whose groups are known. */
export interface Grouping extends Pick<Facts, 'users' | 'outputs'> {
  readonly groupOf: (node: Node) => Pick<Draft, 'anchor' | 'members'> | undefined
  /** The least id from which a path may lead to this one through groups. */
  readonly floorOf: (id: number) => number
}

/** A set of nodes, by its test and its least id. */
export interface NodeSet {
  readonly isMember: (node: Node) => boolean
  readonly leastId: number
}

/**
 * A node outside of a set on a path that leaves the set and comes back to it; null where there is none. Only paths that come back
 * to one of `ends` are searched, which are members.
 */
export function cycleThrough({ isMember, leastId }: NodeSet, ends: readonly Node[], grouping: Grouping): Node | null {
  const floor = grouping.floorOf(leastId)
  const seen = new Set<Node>()
  const stack = ends.flatMap(({ inputs }) => inputs.filter((input) => !isMember(input)))
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node) || node.id < floor) continue
    const vertex = grouping.groupOf(node)?.members ?? [node]
    for (const member of vertex) {
      seen.add(member)
      for (const input of member.inputs) {
        if (isMember(input)) return node
        if (input.id >= floor && !seen.has(input)) stack.push(input)
      }
    }
  }
  return null
}
