/** Evaluates a graph on named weights and updates those that its outputs replace. */
import { evaluate as sizeOf } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { beginsAsZeros, isState, liveNodes, stateNameOf } from '../graph/walk.ts'
import { evaluate, type Feeds } from './evaluate.ts'
import { elements, hostTensor, type HostTensor } from './tensor.ts'

export type Weights = Map<string, HostTensor>

function zeros({ shape, dtype }: Node): HostTensor {
  const sizes = shape.map((size) => sizeOf(size, {}))
  return hostTensor(sizes, dtype, new Float64Array(elements(sizes)))
}

/**
 * Evaluates the graph, puts the values of outputs that replace weights into `weights`, all at once, and gives the others back.
 * State that is in no checkpoint and not among `weights` is zeros. Throws as `evaluate`, and leaves `weights` as they were then.
 */
export function evaluateOn(weights: Weights, graph: Graph, inputs: Feeds['inputs']): Record<string, HostTensor> {
  const fresh = liveNodes(graph).flatMap((node) =>
    isState(node) && beginsAsZeros(node) && !weights.has(stateNameOf(node)) ? [[stateNameOf(node), zeros(node)] as const] : [],
  )
  const values = evaluate(graph, { inputs, weights: Object.fromEntries([...weights, ...fresh]) })
  for (const { name, replaces } of graph.outputs) if (replaces !== undefined) weights.set(replaces, values[name])
  return Object.fromEntries(
    graph.outputs.filter(({ replaces }) => replaces === undefined).map(({ name }) => [name, values[name]]),
  )
}
