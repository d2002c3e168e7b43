/** What smoe computes of a case, in f64: outputs, losses, metrics and gradients, in inference, evaluation and training. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { torchModule } from '../../compiler/torch/model.ts'
import { trainingGraphs } from '../../compiler/train.ts'
import { competitionStepsOf } from '../../plan/recipe.ts'
import { BY_PATH } from '../../plan/weight-path.ts'
import { SINGLE } from '../../runtime/checkpoint/shards.ts'
import { PROGRESS_INPUTS } from '../../plan/progress-inputs.ts'
import { encodeSafetensors, type FileData } from '../../runtime/checkpoint/encode.ts'
import { createRandom } from '../../cli/random.ts'
import { feedsOf, floats } from '../../test/support/random.ts'

/** The inputs, the weights and the results of a case, and its module. */
export interface Sizes {
  readonly dims: Readonly<Record<string, number>>
  readonly vocabulary: number
}

const fileOf = ({ shape, dtype, values }: HostTensor): FileData => ({
  shape,
  data: dtype === 'f32' ? Float64Array.from(values) : Int32Array.from(values),
})

const STEP = { seed: 3, draw: 5, step: 2, progress: 0.25 }

type Tensors = Readonly<Record<string, HostTensor>>

const prefixed = (prefix: string, tensors: Tensors): Readonly<Record<string, FileData>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, fileOf(tensor)]))

/** Initial weights are normal, rounded to f32; norms and biases too, so that each matters. */
function weightsOf(weights: readonly { readonly name: string; readonly shape: readonly number[] }[]): Tensors {
  const next = createRandom(11)
  return Object.fromEntries(weights.map(({ name, shape }) => [name, floats(shape, next, Math.sqrt(1 / (shape.at(-1) ?? 1)))]))
}

/** Writes `model.py`, `case.safetensors` and `case.json` into a folder. */
export function writeTruth(folder: string, model: Model, { dims, vocabulary }: Sizes): void {
  const graphs = trainingGraphs(model)
  if (graphs === null) return writeInference(folder, model, { dims, vocabulary })
  const { recipe } = graphs
  const next = createRandom(7)
  const inputs: Tensors = Object.fromEntries(
    recipe.inputs.map(({ name, dtype, shape, below }) => {
      const count = shape.reduce((all, size) => all * size, 1)
      const ids = (): HostTensor =>
        hostTensor(
          shape,
          'i32',
          Float64Array.from({ length: count }, () => Math.floor(next() * (below ?? vocabulary))),
        )
      return [name, dtype === 'f32' ? floats(shape, next, 1) : ids()]
    }),
  )
  const weights = weightsOf(recipe.weights)
  const scalar = (value: number): HostTensor => hostTensor([], 'f32', Float64Array.of(value))
  const given: Feeds = {
    weights,
    inputs: {
      ...inputs,
      random: hostTensor([2], 'i32', Float64Array.of(STEP.seed, STEP.draw)),
      [PROGRESS_INPUTS.step]: scalar(STEP.step),
      [PROGRESS_INPUTS.progress]: scalar(STEP.progress),
    },
  }
  const all = recipe.layers.flatMap(competitionStepsOf).map(({ name }) => name)
  const forms: Readonly<Record<string, readonly string[]>> =
    all.length === 0 ? { training: [] } : { training: [], competing: all }
  const results = {
    inference: evaluate(lower(model), given),
    evaluation: evaluate(lower(model, { evaluation: true }), given),
    ...Object.fromEntries(
      Object.entries(forms).map(([form, competing]) => [form, evaluate(graphs.step(competing, true), given)]),
    ),
  }
  writeFiles(folder, model, weights)
  writeCase(folder, { inputs: filesOf(inputs), results, forms })
}

/** A model without a train block: its outputs alone. */
function writeInference(folder: string, model: Model, { dims, vocabulary }: Sizes): void {
  const graph = lower(model)
  const { inputs, weights } = feedsOf(graph, dims, { seed: 7, vocabulary })
  writeFiles(folder, model, weights)
  writeCase(folder, { inputs: filesOf(inputs), results: { inference: evaluate(graph, { inputs, weights }) } })
}

function writeFiles(folder: string, model: Model, weights: Tensors): void {
  const { text } = torchModule(model)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'model.py'), text)
  const numbers = Object.entries(weights).map(([name, { shape, values }]) => [name, { shape, data: Float32Array.from(values) }])
  writeFileSync(join(folder, SINGLE), encodeSafetensors(Object.fromEntries(numbers), BY_PATH))
}

const filesOf = (tensors: Tensors): Readonly<Record<string, FileData>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, one]) => [name, fileOf(one)]))

interface Truth {
  readonly inputs: Readonly<Record<string, FileData>>
  /** What each form of the model gives, by name. */
  readonly results: Readonly<Record<string, Tensors>>
  /** The competitions of each form of a training step. */
  readonly forms?: Readonly<Record<string, readonly string[]>>
}

/** Writes what a module is compared with. */
export function writeCase(folder: string, { inputs, results, forms = {} }: Truth): void {
  const given = Object.fromEntries(Object.entries(inputs).map(([name, data]) => [`input/${name}`, data]))
  const wanted = Object.assign({}, ...Object.entries(results).map(([form, tensors]) => prefixed(form, tensors))) as typeof given
  writeFileSync(join(folder, 'case.safetensors'), encodeSafetensors({ ...given, ...wanted }))
  writeFileSync(join(folder, 'case.json'), JSON.stringify({ forms, step: STEP }))
}
