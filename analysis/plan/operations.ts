/** Floating-point operations of a run: a multiply-add is two. What depends on weights alone is computed at load, and is none. */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import type { AttentionParams, OpName } from '../../compiler/graph/vocabulary.ts'
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

/** Products of rows with each pair of a query and a key, as lengths. */
const ATTENTION_PRODUCTS: { readonly [N in OpName]?: (C: number, W: number) => number } = {
  attention: (C, W) => C + W,
  attention_query_gradient: (C, W) => 2 * C + W,
  attention_key_gradient: (C, W) => 2 * C + W,
  // the scores are those of the gradient of the key
  attention_value_gradient: (_, W) => W,
}
/** Scale, maximum, difference, exponential and sum. */
const SOFTMAX_OPERATIONS = 5

type AttentionNode = Extract<Node, { readonly params: AttentionParams }>

const isAttention = (node: Node): node is AttentionNode => ATTENTION_PRODUCTS[node.op] !== undefined

/** The sum over s = 0 .. S - 1 of s + offset, each no less than 0 and no more than T. */
function clampedSum(S: number, T: number, offset: number): number {
  if (!Number.isFinite(offset)) return offset > 0 ? S * T : 0
  const inside = (bound: number): number => Math.min(S, Math.max(0, bound))
  const [first, end] = [inside(-offset), inside(T - offset)]
  return ((end - first) * (first + end - 1 + 2 * offset)) / 2 + (S - end) * T
}

/** Pairs of a query and a key within the band, of all heads. */
function attentionPairs({ inputs: [query, key], params: { before, after } }: AttentionNode, sizes: DimValues): number {
  const [B, S, G, R] = query.shape.map((size) => evaluate(size, sizes))
  const T = evaluate(key.shape[1], sizes)
  return B * G * R * Math.max(0, clampedSum(S, T, after + 1) - clampedSum(S, T, -before))
}

function attentionOperations(node: Node, sizes: DimValues): Operations {
  if (!isAttention(node)) return { matmuls: 0, others: 0 }
  const [C, W] = [node.inputs[0].shape[4], node.inputs[2].shape[3]].map((size) => evaluate(size, sizes))
  const pairs = attentionPairs(node, sizes)
  return { matmuls: 2 * pairs * ATTENTION_PRODUCTS[node.op]!(C, W), others: SOFTMAX_OPERATIONS * pairs }
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
    const attention = attentionOperations(node, sizes)
    matmuls += attention.matmuls
    others += attention.others
  }
  return { matmuls, others }
}
