/** Outputs that take the place of weights, element by element, and belong together. */
import { constantValue, product } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { isOp, needed } from '../graph/walk.ts'

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
  const weights = new Map(needed(graph).flatMap((node) => (isOp(node, 'weight') ? [[node.params.name, node]] : [])))
  const replacing = new Map<Node, Node | undefined>()
  for (const { node, replaces } of graph.outputs) if (replaces !== undefined && isOpen(node)) replacing.set(node, weights.get(replaces))
  const groups: Node[][] = []
  for (const node of [...replacing.keys()].sort((a, b) => a.id - b.id)) {
    const reads = readsOf(node, isLoose)
    const isRelated = (other: Node): boolean => {
      if (product(other.shape) !== product(node.shape)) return false
      const [own, theirs] = [replacing.get(node), replacing.get(other)]
      return reads.has(other) || (theirs !== undefined && reads.has(theirs)) || (own !== undefined && readsOf(other, isLoose).has(own))
    }
    const related = groups.filter((group) => group.some(isRelated))
    for (const group of related) groups.splice(groups.indexOf(group), 1)
    groups.push([...related.flat(), node].sort((a, b) => a.id - b.id))
  }
  return groups.sort((a, b) => a[0].id - b[0].id)
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
