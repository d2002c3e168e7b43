/** Fusion groups: sets of nodes, each of which one kernel computes. */
import type { Node } from '../graph/node.ts'
import type { RefusedNode } from './not-fused.ts'

export type GroupKind =
  /** Matmuls that share their left operand, with an elementwise epilogue. */
  | 'matmul'
  /** Reductions along the last axis, and all that stays within a row; with scores, the gating kernel. */
  | 'rows'
  /** Elements, each computed on its own with the reductions that it needs. */
  | 'elementwise'
  /** One node whose op has a kernel of its own, or some that share their attention scores. */
  | 'custom'

export interface Group {
  readonly kind: GroupKind
  readonly anchor: Node
  readonly members: ReadonlySet<Node>
  /** Of the gating kernel: the matmuls that it computes into workgroup memory, to rank their rows. */
  readonly scores: readonly Node[]
}

export interface Fusion {
  /** Each comes after the groups it reads. */
  readonly groups: readonly Group[]
  readonly users: ReadonlyMap<Node, readonly Node[]>
  /**
   * Whether a buffer holds the values: of leaves with data, and of what groups store. A node that is not is inlined in its
   * readers.
   */
  readonly isMaterialized: (node: Node) => boolean
  /** The nodes that a group stores, in the order of the graph. */
  readonly results: (group: Group) => readonly Node[]
  /** Readers and operands of a group that another kernel computes. */
  readonly refused: (group: Group) => readonly RefusedNode[]
}
