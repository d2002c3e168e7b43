/**
 * Groups in an order in which every one comes after those it reads. Each runs when its last member is due, or before if another one reads it:
 * what waits for something far ahead does not draw all of that before its time, and what others leave is read soon.
 */
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
    return byLast([...found])
  }
  const visit = (group: Group): void => {
    if (done.has(group)) return
    done.add(group)
    sourcesOf(group).forEach(visit)
    order.push(group)
  }
  byLast(groups).forEach(visit)
  return order
}

function byLast(groups: readonly Group[]): readonly Group[] {
  const last = new Map(groups.map((group) => [group, Math.max(...[...group.members].map(({ id }) => id))]))
  return groups.toSorted((a, b) => last.get(a)! - last.get(b)!)
}
