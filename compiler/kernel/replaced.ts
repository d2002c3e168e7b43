/** Outputs that take the place of weights, element by element, and belong together. */
import { constantValue, product } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { isOp } from '../graph/walk.ts'

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
export function replacedTogether(graph: Graph, isOpen: (node: Node) => boolean, isLoose: (node: Node) => boolean): readonly (readonly Node[])[] {
  const replacing = graph.outputs.flatMap(({ node, replaces }) => (replaces !== undefined && isOpen(node) ? [{ node, replaces }] : []))
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
  const leads = new Map<Node, boolean>()
  const visit = (node: Node): boolean => {
    const known = leads.get(node)
    if (known !== undefined) return known
    const found = isLoose(node) && node.inputs.map(visit).some(Boolean)
    if (found) set.add(node)
    leads.set(node, found || set.has(node))
    return found || set.has(node)
  }
  for (const node of nodes) visit(node)
  return set
}

/** Loose single numbers made of several that all elements read: worked out once, they take one binding and not several. */
export function sharedScalars(nodes: readonly Node[], isLoose: (node: Node) => boolean): readonly Node[] {
  const isOne = (node: Node): boolean => constantValue(product(node.shape)) === 1
  if (nodes.some(isOne)) return []
  const found = new Set<Node>()
  const seen = new Set<Node>()
  const visit = (node: Node): void => {
    if (seen.has(node) || !isLoose(node)) return
    seen.add(node)
    const sources = [...readsOf(node, isLoose)].filter((source) => !isLoose(source))
    if (isOne(node) && sources.length > 1) found.add(node)
    else node.inputs.forEach(visit)
  }
  nodes.forEach((node) => node.inputs.forEach(visit))
  return [...found].sort((a, b) => a.id - b.id)
}
