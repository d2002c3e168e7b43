/** A machine of training on the f64 reference interpreter: slow, exact, and available everywhere. */
import type { Graph } from '../../compiler/graph/node.ts'
import { evaluateOn, type Weights } from '../../compiler/reference/replace.ts'
import { elements, hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import type { TrainingGraphs } from '../../compiler/train.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { StoreError } from '../../runtime/errors.ts'
import { createLruCache } from '../../training/lru-cache.ts'
import type { BatchInputs, Machine } from '../../training/machine.ts'
import { createProgramMachine, MAX_PROGRAMS } from '../../training/program-machine.ts'

const exact = ({ shape, data }: BatchInputs[string]): HostTensor =>
  hostTensor(shape, data instanceof Float32Array ? 'f32' : 'i32', Float64Array.from(data))

const dataOf = ({ shape, dtype, values }: HostTensor): FileData => ({
  shape,
  data: dtype === 'i32' ? Int32Array.from(values) : values,
})

const mapValues = <A, B>(values: Readonly<Record<string, A>>, of: (value: A) => B): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, of(value)]))

export function createReferenceMachine(graphs: TrainingGraphs): Machine {
  const weights: Weights = new Map()
  const cache = createLruCache<Graph>(MAX_PROGRAMS, () => {})
  const read = (name: string): FileData => {
    const tensor = weights.get(name)
    if (tensor === undefined) throw new StoreError(name, `is not a weight of ${graphs.recipe.model}`)
    return dataOf(tensor)
  }
  return createProgramMachine<Graph, FileData>(graphs, {
    adapter: 'the f64 reference',
    run: async ({ key, make, inputs }) => {
      const graph = cache.at(key, make)
      const declared = Object.fromEntries(graph.inputs.map(({ params: { name } }) => [name, exact(inputs[name])]))
      return { outputs: graph.outputs, values: mapValues(evaluateOn(weights, graph, declared), dataOf) }
    },
    has: (name) => weights.has(name),
    read: async (names) => Object.fromEntries(names.map((name) => [name, read(name)])),
    write: async (tensors) => {
      for (const [name, { shape, data }] of Object.entries(tensors))
        weights.set(name, hostTensor(shape, 'f32', Float64Array.from(data as ArrayLike<number>)))
    },
    zeros: (shape) => ({ shape, data: new Float64Array(elements(shape)) }),
  })
}
