/** Floating-point operations of a run: a multiply-add is two. What depends on weights alone is computed at load, and is none. */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { liveNodes } from '../../compiler/graph/walk.ts'
import { isElementwise, isReduction } from '../../compiler/ops/kinds.ts'
import { evaluate, type DimValues } from '../../plan/dim.ts'

export interface Operations {
  /** In products of matrices, those of experts included. */
  readonly matmuls: number
  /** In all other ops: one an element, or as many as a reduction reads. */
  readonly others: number
}

const count = ({ shape }: Node, sizes: DimValues): number => shape.reduce((all, size) => all * evaluate(size, sizes), 1)

function matmulOperations(node: Node, sizes: DimValues): number {
  switch (node.op) {
    case 'contract': {
      const depth = node.params.over.reduce((all, [axis]) => all * evaluate(node.inputs[0].shape[axis], sizes), 1)
      return 2 * count(node, sizes) * depth
    }
    // every row by one expert
    case 'grouped_matmul':
      return 2 * count(node, sizes) * evaluate(node.inputs[0].shape[1], sizes)
    case 'grouped_weight_gradient':
      return 2 * count(node.inputs[0], sizes) * evaluate(node.inputs[1].shape[1], sizes)
    default:
      return 0
  }
}

function otherOperations(node: Node, sizes: DimValues): number {
  if (node.dtype === 'f32' && isElementwise(node)) return count(node, sizes)
  if (isReduction(node) || node.op === 'top_k' || node.op === 'segment_sum') return count(node.inputs[0], sizes)
  // each iteration scales rows and columns: an exponential and a sum for each entry, twice
  if (node.op === 'sinkhorn') return 4 * node.params.iterations * count(node.inputs[0], sizes)
  return 0
}

/** Nodes that an input reaches; the others are the same in every run. */
function varying(nodes: readonly Node[]): ReadonlySet<Node> {
  const found = new Set<Node>()
  for (const node of nodes) if (node.op === 'input' || node.inputs.some((input) => found.has(input))) found.add(node)
  return found
}

export function countOperations(graph: Graph, sizes: DimValues): Operations {
  const nodes = liveNodes(graph)
  const run = varying(nodes)
  let [matmuls, others] = [0, 0]
  for (const node of nodes) {
    if (!run.has(node)) continue
    matmuls += matmulOperations(node, sizes)
    others += otherOperations(node, sizes)
  }
  return { matmuls, others }
}
