/** Outputs that take the place of weights, element by element, and belong together. */
import { constantValue, product } from '../../../plan/dim.ts'
import type { Graph, Node } from '../../graph/node.ts'
import { isOp } from '../../graph/walk.ts'

/** What a node reads through loose nodes: those, and the first that are not loose. */
function readsOf(node: Node, isLoose: (node: Node) => boolean): ReadonlySet<Node> {
  const seen = new Set<Node>(node.inputs)
  for (const each of seen) if (isLoose(each)) for (const input of each.inputs) seen.add(input)
  return seen
}

/**
 * The open nodes that replace weights of one size, brought together where one reads the other, or the weight that the other replaces. Groups
 * and their nodes ascend.
 */
export function replacedTogether(
  graph: Graph,
  isOpen: (node: Node) => boolean,
  isLoose: (node: Node) => boolean,
): readonly (readonly Node[])[] {
  const replacing = graph.outputs.flatMap(({ node, replaces }) =>
    replaces !== undefined && isOpen(node) ? [{ node, replaces }] : [],
  )
  const successor = new Map(replacing.map(({ node, replaces }) => [replaces, node]))
  const groupOf = new Map<Node, Node[]>(replacing.map(({ node }) => [node, [node]]))
  const bring = (a: Node, b: Node): void => {
    const [one, other] = [groupOf.get(a)!, groupOf.get(b)!]
    if (one === other || product(a.shape) !== product(b.shape)) return
    one.push(...other)
    for (const node of other) groupOf.set(node, one)
  }
  for (const { node } of replacing) {
    for (const read of readsOf(node, isLoose)) {
      const related = isOp(read, 'weight') ? successor.get(read.params.name) : read
      if (related !== undefined && groupOf.has(related)) bring(node, related)
    }
  }
  return [...new Set(groupOf.values())].map((group) => group.sort((a, b) => a.id - b.id)).sort((a, b) => a[0].id - b[0].id)
}

/** The nodes with the loose ones on the ways between them. */
export function withBetween(nodes: readonly Node[], isLoose: (node: Node) => boolean): ReadonlySet<Node> {
  const set = new Set(nodes)
  const seen = new Set(nodes)
  for (const node of seen) if (isLoose(node)) for (const input of node.inputs) seen.add(input)
  for (const node of [...seen].sort((a, b) => a.id - b.id)) {
    if (isLoose(node) && node.inputs.some((input) => set.has(input))) set.add(node)
  }
  return set
}

/** Loose single numbers made of several that all elements read: worked out once, they take one binding and not several. */
export function sharedScalars(nodes: readonly Node[], isLoose: (node: Node) => boolean): readonly Node[] {
  const isOne = (node: Node): boolean => constantValue(product(node.shape)) === 1
  if (nodes.some(isOne)) return []
  const found = new Set<Node>()
  const seen = new Set(nodes.flatMap((node) => node.inputs))
  for (const node of seen) {
    if (!isLoose(node)) continue
    const isMadeOfSeveral = isOne(node) && [...readsOf(node, isLoose)].filter((source) => !isLoose(source)).length > 1
    if (isMadeOfSeveral) found.add(node)
    else for (const input of node.inputs) seen.add(input)
  }
  return [...found].sort((a, b) => a.id - b.id)
}
