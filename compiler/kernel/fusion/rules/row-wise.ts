/** A reduction along the last axis or a top-k, with all that stays within a row: norms, softmax, gates. */
import { ONE, product } from '../../../../plan/dim.ts'
import type { Node } from '../../../graph/node.ts'
import { isElementwise, isMovement, isReduction } from '../../../ops/kinds.ts'
import type { Draft } from '../draft.ts'
import type { Drafts } from '../drafts.ts'
import type { Frontier } from '../frontier.ts'
import { growByReaders } from '../grow.ts'
import { rowsOf } from '../iteration-space.ts'

const reducesLastAxis = (node: Node): boolean =>
  isReduction(node) && (node.params as { axis: number }).axis === node.inputs[0].shape.length - 1

export const isRowWise = (node: Node): boolean => node.op === 'top_k' || reducesLastAxis(node)

export function beginRows(drafts: Drafts, anchor: Node): void {
  const draft = drafts.begin('rows', anchor)
  if (draft === null) return
  // a scalar made of the whole state, as a norm of gradients, must not draw every update into its one workgroup
  const isSerial = (reader: Node): boolean => drafts.facts.updatesState && rowsOf(draft) === ONE && product(reader.shape) !== ONE
  const frontier = growByReaders(drafts, draft, (reader) => {
    if (reader.op === 'expert_histogram') return null
    return isSerial(reader) ? { kind: 'parallelism' } : [reader]
  })
  giveBackTrailing(drafts, draft, frontier)
}

/** Gives back the last members that only add a value to store. */
function giveBackTrailing(drafts: Drafts, draft: Draft, frontier: Frontier): void {
  const members = [...draft.members]
  let size = members.length
  for (; size > 1; size--) {
    const last = members[size - 1]
    if (!isElementwise(last) && !isMovement(last)) break
    const before = frontier.liveOutCount
    frontier.remove(last)
    if (frontier.liveOutCount >= before) break
  }
  if (size < members.length) drafts.keep(draft, members.slice(0, size), { kind: 'live-outs' })
}
