/** Which nodes the kernel of a group can compute in the order in which it visits its elements. */
import { constantValue, product, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { keepsPlaces } from '../../ops/kinds.ts'
import { sharesScores } from '../attention/attention-kernel.ts'
import type { Group, GroupKind } from '../group.ts'
import { hasMatmulTemplate, matmulView, sharesLeft } from '../matmul/matmul-view.ts'
import { hasCustomKernel, isLeafBuffer } from './facts.ts'
import { isRowLocal } from './row-local.ts'

/** The rows of a group that reduces rows. */
export const rowsOf = ({ anchor }: Pick<Group, 'anchor'>): Dim => product(anchor.inputs[0].shape.slice(0, -1))

/** Elementwise over as many elements as the anchor has. */
export const isEpilogue = (anchor: Node, node: Node): boolean =>
  keepsPlaces(node) && product(node.shape) === product(anchor.shape)

/** A dense matmul with a row for each row of the group, and a known number of columns. */
function areScores(node: Node, rows: Dim): boolean {
  if (!hasMatmulTemplate(node)) return false
  const view = matmulView(node)
  const isMatrix = product(node.shape.slice(0, -1)) === rows
  return isMatrix && view.kind === 'dense' && view.rows === rows && constantValue(view.columns) !== undefined
}

type Visits = (group: Pick<Group, 'kind' | 'anchor'>, node: Node, isMember: (node: Node) => boolean) => boolean

const VISITS: { readonly [K in GroupKind]: Visits } = {
  matmul: ({ anchor }, node) =>
    hasMatmulTemplate(node) ? node === anchor || sharesLeft(anchor, node) : isEpilogue(anchor, node),
  rows: (group, node, isMember) =>
    node.op === 'expert_histogram'
      ? isMember(node.inputs[0])
      : areScores(node, rowsOf(group)) || isRowLocal(node, rowsOf(group), isMember),
  // whatever an element reads is computed where it is read
  elementwise: (_, node) => !hasCustomKernel(node) && !isLeafBuffer(node),
  custom: ({ anchor }, node) => node === anchor || sharesScores(anchor, node),
}

/** Whether the kernel of the group can compute the node; `isMember` tells of the nodes that it computes besides. */
export const visits: Visits = (group, node, isMember) => VISITS[group.kind](group, node, isMember)
