/** What fusion gives up because an earlier attempt made a kernel that the target cannot bind. */
import type { Node } from '../../graph/node.ts'

export interface SplitConstraints {
  /** Nodes that are stored, though they could be inlined where they are read. */
  readonly materialized: ReadonlySet<Node>
  /** Nodes that join no group that has begun before them. */
  readonly split: ReadonlySet<Node>
}

export const UNCONSTRAINED: SplitConstraints = { materialized: new Set(), split: new Set() }
