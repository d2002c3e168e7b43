/** Ways through a graph. Ids ascend from operand to user, so their order is topological. */
import { variableName } from '../../plan/output-role.ts'
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

/** A leaf whose values stay from run to run: a weight or a variable. */
export const isState = (node: Node): node is Extract<Node, { readonly op: 'weight' | 'variable' }> =>
  isOp(node, 'weight') || isOp(node, 'variable')

/** The name of a weight or variable. */
export const stateNameOf = (node: Extract<Node, { readonly op: 'weight' | 'variable' }>): string =>
  isOp(node, 'weight') ? node.params.name : variableName(node.params.role)

/** The weights and variables among nodes, by name. */
export const stateIn = (nodes: readonly Node[]): ReadonlyMap<string, Node> =>
  new Map(nodes.flatMap((node) => (isState(node) ? [[stateNameOf(node), node] as const] : [])))

/** State that no checkpoint of a model has: it begins as zeros. */
export const beginsAsZeros = (node: Node): boolean =>
  isOp(node, 'variable') || (isOp(node, 'weight') && node.params.source.pieces.length === 0)
