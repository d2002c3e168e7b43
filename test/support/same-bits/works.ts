/** A whole forward pass, a training step with Sinkhorn, and an SVD as a load-time constant, compiled for the cpu device. */
import { join } from 'node:path'
import { trainingPlans } from '../../../compiler/train.ts'
import type { HostTensor } from '../../../compiler/reference/tensor.ts'
import { competitionStepsOf } from '../../../plan/recipe.ts'
import { CPU } from '../../../plan/target.ts'
import { bucketWeights } from '../../../plan/update.ts'
import type { HostData } from '../../../runtime/tensors.ts'
import { initialise } from '../../../training/initialise.ts'
import { stepInputs } from '../../../training/step-inputs.ts'
import { graphsOf } from '../../bindings/tiny.ts'
import { openCheckpoint } from '../checkpoints.ts'
import { graphOf, planOf } from '../graph.ts'
import { feedsOf, uniform } from '../random.ts'
import { root } from '../sources.ts'
import { characterSpec } from '../trained-spec.ts'
import type { Run, Tensor, Tensors, Train, Work } from './work.ts'

const tensorOf = ({ shape, dtype, values }: HostTensor): Tensor => ({
  dtype: dtype === 'i32' ? 'i32' : 'f32',
  shape,
  values: [...values],
})
const dataOf = ({ shape, data }: HostData): Tensor => ({
  dtype: data instanceof Int32Array ? 'i32' : 'f32',
  shape,
  values: [...data],
})
const each = <T>(tensors: Readonly<Record<string, T>>, convert: (tensor: T) => Tensor): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, convert(tensor)]))

/** The fixture, for a prompt and for one token. */
function mixtral(): Run {
  const { spec, tensors } = openCheckpoint(join(root, 'test/fixtures/checkpoints/mixtral'))
  const tokens = (count: number): Tensors => ({
    tokens: { dtype: 'i32', shape: [1, count], values: Array.from({ length: count }, (_, at) => (at * 7 + 5) % 64) },
  })
  return { kind: 'run', plan: planOf(graphOf(spec), CPU), checkpoint: each(tensors, tensorOf), inputs: [tokens(37), tokens(1)] }
}

const SPECTRAL = `import { swiglu } from "std/experts/swiglu"
import { spectral } from "std/policies/spectral"

model layer(D: int = 24, E: int = 4, F: int = 32) {
  input x: f32[T, D]
  output y = moe(x) {
    experts E of swiglu(F = F)
    route spectral(k = 2, alpha = 0.5)
  }
}
`

/** A layer whose router is made of singular vectors when its weights are loaded. */
function spectral(): Run {
  const graph = graphOf({ path: 'spectral.smoe', text: SPECTRAL })
  const { inputs, checkpoint } = feedsOf(graph, { T: 19 }, { seed: 5 })
  return {
    kind: 'run',
    plan: planOf(graph, CPU),
    checkpoint: each(checkpoint, tensorOf),
    inputs: [each(inputs, tensorOf)],
  }
}

/** Two steps in which every token is assigned by Sinkhorn, with dropout. */
function training(): Train {
  const text = characterSpec({
    steps: 2,
    D: 12,
    E: 4,
    F: 10,
    batch: 'B = 3, S = 9',
    before: 'import { selective_sinkhorn } from "std/policies/selective_sinkhorn"',
    route: 'selective_sinkhorn(k = 2, rate = 1.0)',
    hidden: 'dropout(h + thought, 0.1)',
  })
  const graphs = graphsOf({ path: 'sinkhorn.smoe', text })
  const { recipe } = graphs
  const plans = trainingPlans(graphs, CPU)
  const competing = recipe.layers.flatMap(competitionStepsOf).map(({ name }) => name)
  const next = uniform(3)
  const whole = (): Tensor => ({ dtype: 'i32', shape: [3, 9], values: Array.from({ length: 27 }, () => Math.floor(next() * 12)) })
  const steps = [0, 1].map((step) => ({
    inputs: { tokens: whole(), targets: whole(), ...each(stepInputs(recipe, step, 0), dataOf) },
    scalars: { learningRate: 0.01, update: step + 1, lossScale: 1 },
  }))
  const maxElements = Math.floor(Math.min(CPU.maxBindingBytes, CPU.maxBufferBytes) / 4)
  const { updated } = bucketWeights(recipe, maxElements, plans.f16Weights)
  return {
    kind: 'train',
    recipe,
    step: plans.step(competing, true),
    update: plans.update(updated),
    competing,
    state: each(initialise(recipe) as Readonly<Record<string, HostData>>, dataOf),
    steps,
  }
}

export const makeWorks = (): Readonly<Record<string, Work>> => ({
  mixtral: mixtral(),
  spectral: spectral(),
  training: training(),
})
