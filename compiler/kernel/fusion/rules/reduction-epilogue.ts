/** A reduction along another axis than the last, which each element computes for itself, with its elementwise epilogue. */
import type { Node } from '../../../graph/node.ts'
import type { Drafts } from '../drafts.ts'
import { growEpilogue } from '../grow.ts'
import { isEpilogue } from '../iteration-space.ts'

export function beginReduction(drafts: Drafts, anchor: Node): void {
  const draft = drafts.begin('elementwise', anchor)
  if (draft === null) return
  growEpilogue(drafts, draft, (reader) => (isEpilogue(anchor, reader) ? [reader] : { kind: 'iteration space' }))
}
