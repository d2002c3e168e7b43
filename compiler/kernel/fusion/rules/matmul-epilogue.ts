/** A matmul with its elementwise epilogue, and sibling GEMMs that the epilogue reads: horizontal fusion over one left operand. */
import type { Node } from '../../../graph/node.ts'
import { hasMatmulTemplate, sharesLeft } from '../../matmul/matmul-view.ts'
import type { Draft } from '../draft.ts'
import type { Drafts } from '../drafts.ts'
import { growEpilogue } from '../grow.ts'
import { isEpilogue } from '../iteration-space.ts'

export function beginMatmul(drafts: Drafts, anchor: Node): void {
  const draft = drafts.begin('matmul', anchor)
  if (draft === null) return
  growEpilogue(drafts, draft, (reader) =>
    isEpilogue(anchor, reader) ? [...siblingsRead(drafts, draft, reader), reader] : [reader],
  )
}

/** The siblings of the anchor that a reader reads through epilogue nodes, with those nodes, operands first; without members. */
function siblingsRead(drafts: Drafts, draft: Draft, reader: Node): readonly Node[] {
  const { anchor, members } = draft
  const visited = new Map<Node, boolean>()
  const found = new Set<Node>()
  const leadsToMatmul = (node: Node): boolean => {
    const known = visited.get(node)
    if (known !== undefined) return known
    const leads = members.has(node) || isSiblingOrFollows(node)
    visited.set(node, leads)
    if (leads && !members.has(node)) found.add(node)
    return leads
  }
  const isSiblingOrFollows = (node: Node): boolean => {
    if (drafts.groupOf(node) !== undefined) return false
    if (hasMatmulTemplate(node)) return sharesLeft(anchor, node)
    return isEpilogue(anchor, node) && node.inputs.map(leadsToMatmul).some(Boolean)
  }
  reader.inputs.forEach(leadsToMatmul)
  return [...found]
}
