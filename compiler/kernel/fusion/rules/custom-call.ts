/** A node whose op has a kernel of its own, and what that kernel computes besides. */
import type { Node } from '../../../graph/node.ts'
import { sharesScores } from '../../attention/attention-kernel.ts'
import type { Drafts } from '../drafts.ts'

export function beginCustomCall(drafts: Drafts, anchor: Node): void {
  const draft = drafts.begin('custom', anchor)
  if (draft === null) return
  const readers = drafts.users.get(anchor.inputs[0]) ?? []
  for (const node of readers) if (sharesScores(anchor, node)) drafts.offer(draft, [node])
}
