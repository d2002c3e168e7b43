/** Groups in an order in which every one comes after those it reads. */
import type { Node } from '../graph/node.ts'
import type { Group } from './group.ts'

export function inOrder(groups: readonly Group[], groupOf: ReadonlyMap<Node, Group>): readonly Group[] {
  const done = new Set<Group>()
  const order: Group[] = []
  const sourcesOf = (group: Group): readonly Group[] => {
    const found = new Set<Group>()
    const seen = new Set<Node>()
    const visit = (node: Node): void => {
      if (seen.has(node)) return
      seen.add(node)
      const source = groupOf.get(node)
      if (source !== undefined && source !== group) found.add(source)
      else if (source === undefined) node.inputs.forEach(visit)
    }
    for (const member of group.members) member.inputs.forEach((input) => group.members.has(input) || visit(input))
    return [...found].sort((a, b) => a.anchor.id - b.anchor.id)
  }
  const visit = (group: Group): void => {
    if (done.has(group)) return
    done.add(group)
    sourcesOf(group).forEach(visit)
    order.push(group)
  }
  ;[...groups].sort((a, b) => a.anchor.id - b.anchor.id).forEach(visit)
  return order
}
