/** Why nodes do not join a fusion group. */
import type { Node } from '../graph/node.ts'

export type Refusal =
  /** Another group computes it, the one of this anchor. */
  | { readonly kind: 'fused elsewhere'; readonly anchor: Node }
  /** The group had to shrink to as many buffers as the target binds. */
  | { readonly kind: 'split constraint' }
  /** An op with a kernel of its own. */
  | { readonly kind: 'own kernel' }
  /** The group's kernel does not visit the elements of this node in its order. */
  | { readonly kind: 'iteration space' }
  /** Rows without an expert are left unwritten, and this node gives them a value. */
  | { readonly kind: 'unwritten rows' }
  /** Everything of this size would wait for one workgroup. */
  | { readonly kind: 'parallelism' }
  | { readonly kind: 'chain length'; readonly length: number; readonly limit: number }
  /** A matmul of the group multiplies what the group makes, which must be complete before it is read. */
  | { readonly kind: 'self-read'; readonly matmul: Node; readonly operand: Node }
  | { readonly kind: 'workgroup memory'; readonly bytes: number; readonly limit: number }
  /** The kernel would count blocks of more rows than a workgroup ranks. */
  | { readonly kind: 'histogram block'; readonly rows: number; readonly limit: number }
  /** A value that the group reads depends on the group. */
  | { readonly kind: 'cycle'; readonly through: Node }
  /** The group would store values that no kernel stores otherwise. */
  | { readonly kind: 'live-outs' }

/** A node that could have joined a group, and why it did not. */
export interface RefusedNode {
  readonly node: Node
  readonly refusal: Refusal
}
