/** Ways through a graph. Ids ascend from operand to user, so their order is topological. */
import type { Graph, Node } from './node.ts'

/** All nodes that the roots need, the roots included, operands first. */
export function reachable(roots: readonly Node[]): readonly Node[] {
  const seen = new Set<Node>(roots)
  for (const node of seen) for (const input of node.inputs) seen.add(input)
  return [...seen].sort((a, b) => a.id - b.id)
}

/** What the outputs need, operands first. */
export const liveNodes = (graph: Graph): readonly Node[] => reachable(graph.outputs.map(({ node }) => node))

/** Every node of a graph: what its outputs need, and its inputs though nothing needs them. */
export const nodesOf = (graph: Graph): readonly Node[] => reachable([...graph.inputs, ...graph.outputs.map(({ node }) => node)])

/** Node -> its users, by id; a node that uses it twice stands once. Outputs are not users. */
export function usersOf(graph: Graph): ReadonlyMap<Node, readonly Node[]> {
  const users = new Map<Node, Node[]>(nodesOf(graph).map((node) => [node, []]))
  for (const node of users.keys()) for (const input of new Set(node.inputs)) users.get(input)!.push(node)
  return users
}

/** Node -> how many operands and outputs it is. */
export function useCounts(graph: Graph): ReadonlyMap<Node, number> {
  const counts = new Map<Node, number>()
  const use = (node: Node): unknown => counts.set(node, (counts.get(node) ?? 0) + 1)
  for (const node of nodesOf(graph)) node.inputs.forEach(use)
  for (const { node } of graph.outputs) use(node)
  return counts
}

/** The last user of each node, in the order of ids; an output has none, as it is used after all. */
export function lastUsers(graph: Graph): ReadonlyMap<Node, Node> {
  const last = new Map<Node, Node>()
  for (const node of nodesOf(graph)) for (const input of node.inputs) last.set(input, node)
  for (const { node } of graph.outputs) last.delete(node)
  return last
}

export const isOp = <N extends Node['op']>(node: Node, op: N): node is Extract<Node, { readonly op: N }> => node.op === op
