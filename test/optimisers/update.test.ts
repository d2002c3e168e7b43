import { describe, expect, it } from 'vitest'
import { accumulateGradients } from '../../compiler/optimisers/gradient-accumulation.ts'
import { updateGraph } from '../../compiler/optimisers/update.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import type { RecipeWeight, Optimiser, Recipe } from '../../plan/recipe.ts'
import { optimizerStateNames, updateInputs } from '../../plan/update.ts'
import { lossOf } from '../support/gradients.ts'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'

const learned = (name: string, shape: readonly number[], decay: number, rate = 1): RecipeWeight => ({
  name,
  shape,
  initialiser: { kind: 'zeros' },
  fanIn: 3,
  rate,
  decay,
})

const recipe = (optimiser: Optimiser, clip: number | null, decay: number, accumulate = 1): Recipe => ({
  version: 2,
  model: 'm',
  program: '0',
  weights: [learned('a', [1, 3], decay), learned('b', [3], decay), learned('frozen', [2], 0, 0)],
  optimiser,
  schedule: { kind: 'constant', warmup: 0 },
  clip,
  accumulate,
  batch: {},
  steps: 5,
  seed: 0,
  inputs: [],
  losses: [],
  metrics: [],
  layers: [],
  isRandom: false,
  precision: 'f32',
})

const f = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor(shape, 'f32', Float64Array.from(values))

const gradientAt = (step: number): readonly number[] => [0.3 * (step + 1), -0.2, 0.05 * step, -0.4, 0, 1.5 - 0.6 * step]

interface Ran {
  readonly weights: readonly number[]
  readonly norms: readonly number[]
}

/** Five updates; each gradient is the sum of `accumulate` equal ones. */
function run(made: Recipe): Ran {
  const graph = updateGraph(made)
  let tensors: Record<string, HostTensor> = { a: f([1, 3], [0.5, -1.25, 2]), b: f([3], [0.1, 0, -0.75]) }
  for (const name of optimizerStateNames(made)) tensors[name] = f(name.endsWith('.a') ? [1, 3] : [3], [0, 0, 0])
  const norms: number[] = []
  for (let step = 0; step < 5; step++) {
    const gradient = gradientAt(step).map((x) => x * made.accumulate)
    const weights = { ...tensors, 'gradient.a': f([1, 3], gradient.slice(0, 3)), 'gradient.b': f([3], gradient.slice(3)) }
    const scalars = updateInputs(made, made.optimiser.rate, step + 1)
    const inputs = Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, f([], [value])]))
    const results = evaluate(graph, { inputs, weights })
    norms.push(results.norm.values[0])
    tensors = Object.fromEntries(
      graph.outputs.flatMap(({ name, replaces }) => (replaces === undefined ? [] : [[replaces, results[name]]])),
    )
  }
  return { weights: [...tensors.a.values, ...tensors.b.values], norms }
}

const adam = { rate: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-6 }

// five steps in f64 by PyTorch 2.13: torch.optim, gradients scaled by min(1, clip / norm)
const CASES: readonly (readonly [name: string, Optimiser, clip: number | null, decay: number, expected: readonly number[]])[] = [
  [
    'sgd',
    { kind: 'sgd', rate: 0.1, momentum: 0, nesterov: false, decay: 0 },
    null,
    0,
    [0.05, -1.15, 1.9500000000000002, 0.3, 0, -0.9],
  ],
  [
    'sgd, clipped',
    { kind: 'sgd', rate: 0.1, momentum: 0, nesterov: false, decay: 0 },
    0.5,
    0,
    [0.3356591614592176, -1.21263935542393, 1.9819500213872205, 0.17472128915213955, 0, -0.8136050909671676],
  ],
  [
    'sgd with momentum',
    { kind: 'sgd', rate: 0.1, momentum: 0.9, nesterov: false, decay: 0.01 },
    null,
    0.01,
    [-0.4561314803377306, -0.9713462074077288, 1.8810768722021978, 0.6232134740909, 0, -1.5947704460315992],
  ],
  [
    'sgd with momentum, clipped',
    { kind: 'sgd', rate: 0.1, momentum: 0.9, nesterov: false, decay: 0.01 },
    0.5,
    0.01,
    [0.12428704454851035, -1.1332079615143826, 1.937347854489908, 0.29948996587759213, 0, -1.056059077684215],
  ],
  [
    'nesterov',
    { kind: 'sgd', rate: 0.1, momentum: 0.9, nesterov: true, decay: 0.01 },
    null,
    0.01,
    [-0.8107583097118107, -0.8938227114580265, 1.8332209078952981, 0.7687752382505761, 0, -1.6525433766210806],
  ],
  [
    'adam',
    { kind: 'adam', ...adam, decay: 0.01 },
    null,
    0.01,
    [0.004043064650745651, -0.7503396869910508, 1.5190761271904873, 0.5998208896703687, 0, -1.0773387221888746],
  ],
  [
    'adam, clipped',
    { kind: 'adam', ...adam, decay: 0.01 },
    0.5,
    0.01,
    [0.010770838217959405, -0.7525240098639037, 1.504714583064423, 0.5967028494274592, 0, -1.096839683841368],
  ],
  [
    'adamw',
    { kind: 'adamw', ...adam, decay: 0.02 },
    null,
    0.02,
    [0.0013182329652173114, -0.7395483941058899, 1.6278024677062446, 0.5970067430027193, 0, -1.0703045374337181],
  ],
  [
    'adamw, clipped',
    { kind: 'adamw', ...adam, decay: 0.02 },
    0.5,
    0.02,
    [0.008642741506249246, -0.7423541664499251, 1.627004919083648, 0.5942030375135201, 0, -1.0935078216919245],
  ],
]

const NORMS = [1.5937377450509227, 1.1715374513859982, 1.0535653752852738, 1.3238202294873727, 1.8165902124584952]

const closeTo = (actual: readonly number[], expected: readonly number[]): void =>
  expected.forEach((value, at) => expect(Math.abs(actual[at] - value), `${at}`).toBeLessThan(1e-12))

describe('updates', () => {
  it.each(CASES)('%s as PyTorch has it', (_, optimiser, clip, decay, expected) => {
    const { weights, norms } = run(recipe(optimiser, clip, decay))
    closeTo(weights, expected)
    closeTo(norms, NORMS)
  })

  it.each([1, 4])('lion, the mean of %i micro-batches', (accumulate) => {
    const settings = { kind: 'lion', rate: 0.01, beta1: 0.9, beta2: 0.99, decay: 0.1 } as const
    const w = [0.5, -1.25, 2, 0.1, 0, -0.75]
    const m = w.map(() => 0)
    for (let step = 0; step < 5; step++) {
      gradientAt(step).forEach((g, i) => {
        w[i] -= settings.rate * (settings.decay * w[i] + Math.sign(settings.beta1 * m[i] + (1 - settings.beta1) * g))
        m[i] = settings.beta2 * m[i] + (1 - settings.beta2) * g
      })
    }
    closeTo(run(recipe(settings, null, 0.1, accumulate)).weights, w)
  })

  it('take the mean over micro-batches before they clip', () => {
    const [, optimiser, clip, decay, expected] = CASES[8]
    const { weights, norms } = run(recipe(optimiser, clip, decay, 4))
    closeTo(weights, expected)
    closeTo(norms, NORMS)
  })

  it('leave alone what is not learned, and give each weight its factor on the rate', () => {
    const made = recipe({ kind: 'sgd', rate: 0.1, momentum: 0, nesterov: false, decay: 0 }, null, 0)
    expect(updateGraph(made).outputs.map(({ replaces }) => replaces)).toEqual([undefined, 'a', 'b'])
    const slow = { ...made, weights: [learned('a', [1, 3], 0, 0.5), learned('b', [3], 0)] }
    closeTo(run(slow).weights.slice(0, 2), [0.5 - 0.45 / 2, -1.25 + 0.1 / 2])
  })
})

describe('gradients between a step and its update', () => {
  const { graph, feeds } = lossOf(
    ({ make, feed }) => make('multiply', [feed(f([2], [3, 5])), feed(f([2], [7, 11]))], {}),
    () => 1,
  )
  const gradients = differentiate(graph, { by: ['x0'] })

  it('stand alone for the first micro-batch, and are added to for the others', () => {
    const weights = { 'gradient.x0': f([2], [100, 200]) }
    const first = accumulateGradients(gradients, true)
    expect(first.outputs.map(({ replaces }) => replaces)).toEqual([undefined, 'gradient.x0'])
    expect([...evaluate(first, { inputs: feeds, weights })['gradient.x0'].values]).toEqual([7, 11])
    expect([...evaluate(accumulateGradients(gradients, false), { inputs: feeds, weights })['gradient.x0'].values]).toEqual([
      107, 211,
    ])
  })
})
