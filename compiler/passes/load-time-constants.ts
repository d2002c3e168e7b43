/** Parts a graph into what is made once from the weights and what runs each time; between them stand the held values. */
import type { Graph, Node } from '../graph/node.ts'
import { isOp, liveNodes } from '../graph/walk.ts'
import { copy, rebuild } from './rewrite.ts'

export interface SplitGraph {
  /** An output for each held value, by its name; null where nothing is held. */
  readonly once: Graph | null
  readonly main: Graph
}

type Hold = Extract<Node, { readonly op: 'compute_at_load' }>

/** A weight or a constant as it is needs no making. */
const isAtHand = (node: Node): boolean =>
  node.op === 'weight' ||
  node.op === 'constant' ||
  ((isOp(node, 'compute_at_load') || isOp(node, 'reshape')) && isAtHand(node.inputs[0]))

/** The graph with what is held made at each run: weights that others replace would leave it behind. */
export const withoutLoadTimeConstants = (graph: Graph): Graph =>
  // compute_at_load(x)  ==>  x
  rebuild(graph, (node, inputs, make) => (isOp(node, 'compute_at_load') ? inputs[0] : copy(node, inputs, make)))

export function splitLoadTimeConstants(graph: Graph): SplitGraph {
  // compute_at_load(x)  ==>  load_time_constant
  const main = rebuild(graph, (node, inputs, make) => {
    if (!isOp(node, 'compute_at_load')) return copy(node, inputs, make)
    return isAtHand(node)
      ? inputs[0]
      : make('load_time_constant', [], { name: node.params.name, dtype: node.dtype, shape: node.shape })
  })
  const names = new Set(liveNodes(main).flatMap((node) => (isOp(node, 'load_time_constant') ? [node.params.name] : [])))
  if (names.size === 0) return { once: null, main }
  const holds = liveNodes(graph).filter((node): node is Hold => isOp(node, 'compute_at_load') && names.has(node.params.name))
  const outputs = holds.map((node) => ({ name: node.params.name, node, doc: '' }))
  const made = { ...graph, dims: [], inputs: [], outputs, docs: {} }
  return { main, once: withoutLoadTimeConstants(made) }
}
