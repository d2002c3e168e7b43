/**
 * Splits a graph into what is computed once from the weights and what each run computes; load-time constants go from one to the
 * other.
 */
import type { Graph, Node } from '../graph/node.ts'
import { isOp, isState, liveNodes } from '../graph/walk.ts'
import { copy, rebuild } from '../ops/rebuild.ts'

export interface SplitGraph {
  /** An output for each load-time constant, by its name; null where there is none. */
  readonly once: Graph | null
  readonly main: Graph
}

type ComputedAtLoad = Extract<Node, { readonly op: 'compute_at_load' }>

/** A weight, a variable or a constant needs no computation. */
const isLeaf = (node: Node): boolean =>
  isState(node) || node.op === 'constant' || ((isOp(node, 'compute_at_load') || isOp(node, 'reshape')) && isLeaf(node.inputs[0]))

/** The graph that computes its load-time constants in each run: where a plan updates the weights, they would be out of date. */
export const withoutLoadTimeConstants = (graph: Graph): Graph =>
  // compute_at_load(x)  ==>  x
  rebuild(graph, (node, inputs, make) => (isOp(node, 'compute_at_load') ? inputs[0] : copy(node, inputs, make)))

export function splitLoadTimeConstants(graph: Graph): SplitGraph {
  // compute_at_load(x)  ==>  load_time_constant
  const main = rebuild(graph, (node, inputs, make) => {
    if (!isOp(node, 'compute_at_load')) return copy(node, inputs, make)
    return isLeaf(node)
      ? inputs[0]
      : make('load_time_constant', [], { name: node.params.name, dtype: node.dtype, shape: node.shape })
  })
  const names = new Set(liveNodes(main).flatMap((node) => (isOp(node, 'load_time_constant') ? [node.params.name] : [])))
  if (names.size === 0) return { once: null, main }
  const holds = liveNodes(graph).filter(
    (node): node is ComputedAtLoad => isOp(node, 'compute_at_load') && names.has(node.params.name),
  )
  const outputs = holds.map((node) => ({ name: node.params.name, node, doc: '' }))
  const made = { ...graph, dims: [], inputs: [], outputs, docs: {} }
  return { main, once: withoutLoadTimeConstants(made) }
}
