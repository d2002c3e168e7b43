/** A fusion group under construction. */
import type { Node } from '../../graph/node.ts'
import type { Group, GroupKind } from '../group.ts'

export interface Draft extends Pick<Group, 'kind' | 'anchor' | 'members'> {
  /** Member -> the length of the longest chain of members that ends in it. */
  readonly lengths: ReadonlyMap<Node, number>
  /** The least id of a member; infinite where there is none. */
  readonly leastId: number
}

/** A group of no members yet. */
export const emptyDraft = (kind: GroupKind, anchor: Node): Draft => ({
  kind,
  anchor,
  members: new Set(),
  lengths: new Map(),
  leastId: Infinity,
})
