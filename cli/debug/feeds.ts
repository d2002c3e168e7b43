/**
 * The inputs and weights of a debugged run, rounded to what a device holds, so that every stage computes with the same numbers.
 */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { beginsAsZeros, isState, nodesOf, stateNameOf } from '../../compiler/graph/walk.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import { EvaluationError, hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { evaluate as sizeOf } from '../../plan/dim.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { EXIT, Failure } from '../exit.ts'

const rounded = ({ shape, dtype, values }: HostTensor): HostTensor =>
  hostTensor(shape, dtype, dtype === 'f32' ? values.map(Math.fround) : values)

const roundedAll = (tensors: Readonly<Record<string, HostTensor>>): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, rounded(tensor)]))

function zeros({ shape, dtype }: Node): HostTensor {
  const sizes = shape.map((size) => sizeOf(size, {}))
  return hostTensor(sizes, dtype, new Float64Array(sizes.reduce((all, size) => all * size, 1)))
}

/** The feeds of a graph. A variable that is in no checkpoint and is not among the weights begins as zeros. */
export function feedsOf(
  graph: Graph,
  inputs: Readonly<Record<string, FileData>>,
  weights: Readonly<Record<string, HostTensor>>,
): Feeds {
  const fresh = nodesOf(graph).flatMap((node) =>
    isState(node) && beginsAsZeros(node) ? [[stateNameOf(node), zeros(node)] as const] : [],
  )
  const given = graph.inputs.map(({ params: { name, dtype } }) => {
    const { shape, data } = inputs[name]
    return [name, hostTensor(shape, dtype, Float64Array.from(data))] as const
  })
  return { inputs: roundedAll(Object.fromEntries(given)), weights: roundedAll({ ...Object.fromEntries(fresh), ...weights }) }
}

/** Throws a Failure where feeds do not fit the graph. */
export function usage<T>(work: () => T): T {
  try {
    return work()
  } catch (problem) {
    throw problem instanceof EvaluationError ? new Failure(EXIT.usage, problem.message) : problem
  }
}
