/** A node whose op has a kernel of its own. */
import type { Node } from '../../../graph/node.ts'
import type { Drafts } from '../drafts.ts'

export const beginCustomCall = (drafts: Drafts, anchor: Node): void => {
  drafts.begin('custom', anchor)
}
