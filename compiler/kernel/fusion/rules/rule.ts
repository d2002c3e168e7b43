/** The forms of fusion rules. */
import type { Node } from '../../../graph/node.ts'
import type { Drafts } from '../drafts.ts'

/** Begins a group at each node that it takes as an anchor, and adds what the kernel can compute besides. */
export interface AnchorRule {
  readonly name: string
  /** Why it stands where it does. */
  readonly why: string
  readonly isAnchor: (node: Node) => boolean
  readonly begin: (drafts: Drafts, anchor: Node) => void
}

/** Changes the groups that there are, or adds some. */
export interface FusionStep {
  readonly name: string
  readonly why: string
  readonly run: (drafts: Drafts) => void
}
