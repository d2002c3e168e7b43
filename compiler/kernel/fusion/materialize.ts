/**
 * Materialization: which of the nodes in no group a kernel stores, each in a group of its own. The others are inlined: computed
 * wherever they are read.
 */
import type { Node } from '../../graph/node.ts'
import { isCustom } from '../../ops/kinds.ts'
import { MAX_CHAIN } from './chain.ts'
import { costs } from './cost-model.ts'
import type { Drafts } from './drafts.ts'
import { isLeafBuffer } from './facts.ts'

/** Work of more than this is stored where several kernels read it, not done again by each. */
const MAX_INLINED_COST = 6

export function materialize(drafts: Drafts): void {
  const { facts, users, outputs, constraints } = drafts
  // node -> the kernels that read it, also through inlined nodes; two are as good as many
  const kernels = new Map<Node, ReadonlySet<unknown>>()
  // reshapes of what must be stored: their operand is stored for them
  const views = new Set<Node>()
  const ends = chainEnds(drafts)
  const cost = costs(facts.nodes, (node) => drafts.groupOf(node) !== undefined || isLeafBuffer(node))
  for (const node of facts.nodes.toReversed()) {
    if (drafts.groupOf(node) !== undefined) continue
    const readers = new Set<unknown>()
    let isNeeded = outputs.has(node) || constraints.materialized.has(node) || facts.operands.has(node) || ends.has(node)
    for (const user of users.get(node)!) {
      const group = drafts.groupOf(user)
      if (group === undefined) for (const kernel of kernels.get(user)!) if (readers.size < 2) readers.add(kernel)
      if (group !== undefined) readers.add(group)
      isNeeded ||= group === undefined ? views.has(user) : isCustom(user)
    }
    kernels.set(node, readers)
    if (isLeafBuffer(node)) continue
    if (isNeeded && node.op === 'reshape' && !outputs.has(node)) views.add(node)
    else if (isNeeded || (readers.size > 1 && cost.get(node)! > MAX_INLINED_COST))
      kernels.set(node, new Set([drafts.begin('elementwise', node)]))
  }
}

/** Nodes in no group that end a chain of as many as may be inlined in a row. */
function chainEnds(drafts: Drafts): ReadonlySet<Node> {
  const ends = new Set<Node>()
  const lengths = new Map<Node, number>()
  const lengthOf = (node: Node): number => (ends.has(node) ? 0 : (lengths.get(node) ?? 0))
  for (const node of drafts.facts.nodes) {
    if (drafts.groupOf(node) !== undefined || isLeafBuffer(node)) continue
    const length = 1 + node.inputs.reduce((most, input) => Math.max(most, lengthOf(input)), 0)
    lengths.set(node, length)
    if (length >= MAX_CHAIN) ends.add(node)
  }
  return ends
}
