/** A set of nodes that one kernel computes. */
import type { Node } from '../graph/node.ts'

export type GroupKind =
  /** Matrix products of one left operand, and elementwise work on their sums. */
  | 'matmul'
  /** Rows reduced along their last axis, and work on the rows. */
  | 'rows'
  /** Elements, each with its own reductions inside. */
  | 'elementwise'
  /** One node with a kernel of its own. */
  | 'custom'

export interface Group {
  readonly kind: GroupKind
  readonly anchor: Node
  readonly members: ReadonlySet<Node>
  /** In `rows` groups: products whose results are rows of the group, computed by the same kernel. */
  readonly scores: readonly Node[]
}

export interface Fusion {
  /** In an order in which every group comes after those it reads. */
  readonly groups: readonly Group[]
  readonly users: ReadonlyMap<Node, readonly Node[]>
  /** Whether its values lie in memory: leaves with data, and what groups leave. */
  readonly isMaterialized: (node: Node) => boolean
  /** The nodes a group leaves in memory, in order. */
  readonly results: (group: Group) => readonly Node[]
}
