/**
 * Outputs that update persistent state in place, as a weight and its moments, and read one another: one kernel computes them an
 * element at a time, so that each is read once.
 */
import { constantValue, product } from '../../../../plan/dim.ts'
import type { Graph, Node } from '../../../graph/node.ts'
import { isState, stateNameOf } from '../../../graph/walk.ts'
import { isElementwise } from '../../../ops/kinds.ts'
import type { Drafts } from '../drafts.ts'
import { isLeafBuffer, liveOuts } from '../facts.ts'

type Test = (node: Node) => boolean

export function fuseStateUpdates(drafts: Drafts): void {
  const { facts, constraints } = drafts
  const isUnfused: Test = (node) => drafts.groupOf(node) === undefined && !isLeafBuffer(node)
  const isOpen: Test = (node) => isUnfused(node) && isElementwise(node) && !constraints.split.has(node)
  for (const updates of relatedUpdates(facts.graph, isOpen, isUnfused)) {
    const members = withPathsBetween(updates, isUnfused)
    if (liveOuts(facts, members).some((node) => !updates.includes(node))) continue
    const shared = sharedScalars(updates, isUnfused)
    const [anchor, ...others] = members
    if (drafts.begin('elementwise', anchor, others) === null) continue
    for (const scalar of shared) drafts.begin('elementwise', scalar)
  }
}

/** What a node reads through unfused nodes: those, and the first that are fused. */
function readsOf(node: Node, isUnfused: Test): ReadonlySet<Node> {
  const seen = new Set<Node>(node.inputs)
  for (const each of seen) if (isUnfused(each)) for (const input of each.inputs) seen.add(input)
  return seen
}

/**
 * The open nodes that update state of one size, brought together where one reads the other, or the state that the other updates.
 * Sets and their nodes ascend.
 */
function relatedUpdates(graph: Graph, isOpen: Test, isUnfused: Test): readonly (readonly Node[])[] {
  const updates = graph.outputs.flatMap(({ node, replaces }) =>
    replaces !== undefined && isOpen(node) ? [{ node, replaces }] : [],
  )
  const successor = new Map(updates.map(({ node, replaces }) => [replaces, node]))
  const setOf = new Map<Node, Node[]>(updates.map(({ node }) => [node, [node]]))
  const bring = (a: Node, b: Node): void => {
    const [one, other] = [setOf.get(a)!, setOf.get(b)!]
    if (one === other || product(a.shape) !== product(b.shape)) return
    one.push(...other)
    for (const node of other) setOf.set(node, one)
  }
  for (const { node } of updates) {
    for (const read of readsOf(node, isUnfused)) {
      const related = isState(read) ? successor.get(stateNameOf(read)) : read
      if (related !== undefined && setOf.has(related)) bring(node, related)
    }
  }
  return [...new Set(setOf.values())].map((set) => set.sort((a, b) => a.id - b.id)).sort((a, b) => a[0].id - b[0].id)
}

/** The nodes, with unfused nodes on paths between them. */
function withPathsBetween(nodes: readonly Node[], isUnfused: Test): ReadonlySet<Node> {
  const set = new Set(nodes)
  const seen = new Set(nodes)
  for (const node of seen) if (isUnfused(node)) for (const input of node.inputs) seen.add(input)
  for (const node of [...seen].sort((a, b) => a.id - b.id)) {
    if (isUnfused(node) && node.inputs.some((input) => set.has(input))) set.add(node)
  }
  return set
}

/** Unfused scalars made of several buffers, which every element reads: computed once, they take one binding and not several. */
function sharedScalars(nodes: readonly Node[], isUnfused: Test): readonly Node[] {
  const isScalar: Test = (node) => constantValue(product(node.shape)) === 1
  if (nodes.some(isScalar)) return []
  const found = new Set<Node>()
  const seen = new Set(nodes.flatMap((node) => node.inputs))
  for (const node of seen) {
    if (!isUnfused(node)) continue
    const isMadeOfSeveral = isScalar(node) && [...readsOf(node, isUnfused)].filter((source) => !isUnfused(source)).length > 1
    if (isMadeOfSeveral) found.add(node)
    else for (const input of node.inputs) seen.add(input)
  }
  return [...found].sort((a, b) => a.id - b.id)
}
