/**
 * List scheduling: a topological order of groups. The priority of a group is its last member, or that of a group that reads it.
 * So a group that waits for a late value does not pull others ahead of their time, and values are read soon after they are
 * stored.
 */
import type { Node } from '../../graph/node.ts'
import type { Group } from '../group.ts'

export function listSchedule(groups: readonly Group[], groupOf: ReadonlyMap<Node, Group>): readonly Group[] {
  const last = new Map(groups.map((group) => [group, lastOf(group)]))
  const byLast = (some: readonly Group[]): readonly Group[] => some.toSorted((a, b) => last.get(a)! - last.get(b)!)
  const begun = new Set<Group>()
  const order: Group[] = []
  for (const group of byLast(groups)) {
    if (begun.has(group)) continue
    begun.add(group)
    const open = [{ group, sources: byLast(sourcesOf(group, groupOf)).values() }]
    while (open.length > 0) {
      const { group: current, sources } = open[open.length - 1]
      const next = sources.next()
      if (next.done) {
        order.push(current)
        open.pop()
      } else if (!begun.has(next.value)) {
        begun.add(next.value)
        open.push({ group: next.value, sources: byLast(sourcesOf(next.value, groupOf)).values() })
      }
    }
  }
  return order
}

/** The groups whose values a group reads, directly or through inlined nodes. */
function sourcesOf(group: Group, groupOf: ReadonlyMap<Node, Group>): readonly Group[] {
  const found = new Set<Group>()
  const seen = new Set<Node>()
  for (const member of group.members) for (const input of member.inputs) if (!group.members.has(input)) seen.add(input)
  for (const node of seen) {
    const source = groupOf.get(node)
    if (source === undefined) for (const input of node.inputs) seen.add(input)
    else if (source !== group) found.add(source)
  }
  return [...found]
}

function lastOf({ members }: Group): number {
  let last = 0
  for (const { id } of members) last = Math.max(last, id)
  return last
}
