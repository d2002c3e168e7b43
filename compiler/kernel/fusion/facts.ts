/** What fusion asks of a graph: readers, outputs, and which values other kernels need in a buffer. */
import type { Graph, Node } from '../../graph/node.ts'
import { isState, liveNodes } from '../../graph/walk.ts'
import { isCustom, isReduction } from '../../ops/kinds.ts'
import { hasMatmulTemplate, matmulView } from '../matmul/matmul-view.ts'

/** A leaf that has a buffer; scalar constants are literals. */
export const isLeafBuffer = (node: Node): boolean =>
  node.op === 'input' || isState(node) || node.op === 'load_time_constant' || (node.op === 'constant' && node.shape.length > 0)

/** A segment sum whose rows are sorted has a kernel of its own; in any other, each element searches for its rows. */
const isSortedSegmentSum = (node: Node): boolean => node.op === 'segment_sum' && node.inputs.length > 2
export const hasCustomKernel = (node: Node): boolean => isCustom(node) || isSortedSegmentSum(node)

/** What matmuls read from a buffer, and the row numbers of segment sums. */
const bufferOperands = (node: Node): readonly Node[] =>
  hasMatmulTemplate(node) ? matmulView(node).operandsInMemory : isSortedSegmentSum(node) ? [node.inputs[2]] : []

export interface Facts {
  readonly graph: Graph
  /** The nodes that outputs need, in topological order. */
  readonly nodes: readonly Node[]
  readonly users: ReadonlyMap<Node, readonly Node[]>
  readonly outputs: ReadonlySet<Node>
  /** Nodes that some kernel reads from a buffer, and never inlines. */
  readonly operands: ReadonlySet<Node>
  /** Whether the graph updates persistent state. */
  readonly updatesState: boolean
}

export function factsOf(graph: Graph): Facts {
  const nodes = liveNodes(graph)
  const users = new Map<Node, Node[]>(nodes.map((node) => [node, []]))
  for (const node of nodes) for (const input of new Set(node.inputs)) users.get(input)!.push(node)
  return {
    graph,
    nodes,
    users,
    outputs: new Set(graph.outputs.map(({ node }) => node)),
    operands: new Set(nodes.flatMap(bufferOperands)),
    updatesState: graph.outputs.some(({ replaces }) => replaces !== undefined),
  }
}

/** Live-outs: members that an output or a node outside the set reads. */
export const liveOuts = ({ outputs, users }: Facts, set: ReadonlySet<Node>): readonly Node[] =>
  [...set].filter((node) => outputs.has(node) || users.get(node)!.some((user) => !set.has(user)))

/** Whether a value that others read must be materialized, however groups are formed. */
export function mustBeMaterialized({ outputs, operands, users }: Facts, node: Node): boolean {
  const source = node.op === 'cast_f16' ? node.inputs[0] : node
  if (outputs.has(node) || operands.has(node) || hasMatmulTemplate(source) || isReduction(source)) return true
  return users.get(node)!.some((user) => isCustom(user) || (user.op === 'reshape' && operands.has(user)))
}
