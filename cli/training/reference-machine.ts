/** A machine of training that is the f64 reference: slow, exact, and at hand everywhere. */
import { evaluateOn, type Weights } from '../../compiler/reference/replace.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import type { TrainingGraphs } from '../../compiler/train.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { optimizerStateNames, updateInputs } from '../../plan/update.ts'
import { recordOf } from '../../runtime/routing/tensors.ts'
import { MOST_SESSIONS } from '../../training/device-machine.ts'
import type { BatchMetrics, BatchInputs, Machine, State } from '../../training/machine.ts'
import { createLruCache } from '../../training/lru-cache.ts'

const exact = ({ shape, data }: BatchInputs[string]): HostTensor =>
  hostTensor(shape, data instanceof Float32Array ? 'f32' : 'i32', Float64Array.from(data))

const numbersOf = (values: Readonly<Record<string, HostTensor>>, prefix: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(values).flatMap(
      ([
        name,
        {
          values: [value],
        },
      ]) => (name.startsWith(prefix) ? [[name, value]] : []),
    ),
  )

export function createReferenceMachine({ recipe, f16Weights, step, update, f16Copies, evaluation }: TrainingGraphs): Machine {
  const weights: Weights = new Map()
  const graphs = createLruCache<Graph>(MOST_SESSIONS, () => {})
  let isFirst = true

  const run = (graph: Graph, inputs: Readonly<Record<string, HostTensor>>): Record<string, HostTensor> => {
    const wanted = graph.inputs.map(({ params: { name } }) => [name, inputs[name]] as const)
    return evaluateOn(weights, graph, Object.fromEntries(wanted))
  }
  const answers = (values: Readonly<Record<string, HostTensor>>): BatchMetrics => {
    const routes = recipe.layers.map(({ layer, experts, selected, weights: weighed }) => ({
      layer,
      experts,
      selected,
      weights: weighed,
      spilled: null,
    }))
    const tensors = Object.fromEntries(
      routes.flatMap(({ selected, weights: weighed }) => [
        [selected, { shape: values[selected].shape, data: Int32Array.from(values[selected].values) }],
        [weighed, { shape: values[weighed].shape, data: values[weighed].values }],
      ]),
    )
    return {
      losses: numbersOf(values, 'loss.'),
      metrics: numbersOf(values, 'metric.'),
      routes: routes.length === 0 ? null : recordOf(routes, tensors),
    }
  }
  const exactAll = (inputs: BatchInputs): Readonly<Record<string, HostTensor>> =>
    Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, exact(tensor)]))

  return {
    adapter: 'the f64 reference',
    step: async (chosen, inputs) => {
      const values = run(
        graphs.at(`${isFirst ? 'first' : 'later'} ${chosen.join(' ')}`, () => step(chosen, isFirst)),
        exactAll(inputs),
      )
      isFirst = false
      return answers(values)
    },
    update: async ({ learningRate: rate, update: number, lossScale: scale }) => {
      const scalars = Object.entries(updateInputs(recipe, rate, number, scale)).map(
        ([name, value]) => [name, hostTensor([], 'f32', Float64Array.of(value))] as const,
      )
      const { norm } = run(
        graphs.at('update', () => update()),
        Object.fromEntries(scalars),
      )
      isFirst = true
      return { norm: norm.values[0] }
    },
    evaluate: async (inputs) => answers(run(graphs.at('evaluation', evaluation), exactAll(inputs))),
    read: async (names = [...recipe.weights.map(({ name }) => name), ...optimizerStateNames(recipe)]): Promise<State> => {
      const shapes = new Map(recipe.weights.map(({ name, shape }) => [name, shape]))
      const zeros = (name: string): HostTensor => {
        const shape = shapes.get(name) ?? shapes.get(name.slice(name.indexOf('.') + 1))!
        return hostTensor(shape, 'f32', new Float64Array(shape.reduce((all, size) => all * size, 1)))
      }
      return Object.fromEntries(
        names.map((name) => {
          const { shape, values } = weights.get(name) ?? zeros(name)
          return [name, { shape, data: values }]
        }),
      )
    },
    write: async (tensors) => {
      for (const [name, { shape, data }] of Object.entries(tensors))
        weights.set(name, hostTensor(shape, 'f32', Float64Array.from(data as ArrayLike<number>)))
      if (Object.keys(tensors).some((name) => f16Weights.has(name))) run(graphs.at('f16Copies', f16Copies), {})
    },
  }
}
