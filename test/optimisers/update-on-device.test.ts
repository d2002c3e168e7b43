/** Updates beside the reference: weights one by one and in buckets, each read and written once. */
import { afterAll, describe, expect, it } from 'vitest'
import { compileGraph } from '../../compiler/compile.ts'
import { updateGraph } from '../../compiler/optimisers/update.ts'
import { evaluateOn, type Weights } from '../../compiler/reference/replace.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import type { Plan } from '../../plan/plan.ts'
import type { RecipeWeight, Optimiser, Recipe } from '../../plan/recipe.ts'
import { PORTABLE, type Target } from '../../plan/target.ts'
import { bucketWeights, gradientName, optimizerStateNames, trainableWeights, updateInputs } from '../../plan/update.ts'
import { createSession } from '../../runtime/session.ts'
import { createStore } from '../../runtime/store.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { recipeOf } from '../training/recipes.ts'

const learned = (name: string, shape: readonly number[], decay: number, rate = 1): RecipeWeight => ({
  name,
  shape,
  initialiser: { kind: 'zeros' },
  fanIn: 3,
  rate,
  decay,
})

const weights = [
  learned('embed', [40, 30], 0.1),
  learned('gain', [30], 0),
  learned('bank', [3, 5, 7], 0.1),
  learned('frozen', [4], 0, 0),
  learned('scale', [], 0),
  ...Array.from({ length: 12 }, (_, at) => learned(`layers.${at}.w`, [8, 6], 0.1)),
  learned('slow', [2, 2], 0.1, 0.5),
]

const adam = { rate: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-6 }
const OPTIMISERS: readonly Optimiser[] = [
  { kind: 'sgd', rate: 0.1, momentum: 0, nesterov: false, decay: 0.1 },
  { kind: 'sgd', rate: 0.1, momentum: 0.9, nesterov: true, decay: 0.1 },
  { kind: 'adam', ...adam, decay: 0.1 },
  { kind: 'adamw', ...adam, decay: 0.1 },
  { kind: 'lion', rate: 0.01, beta1: 0.9, beta2: 0.99, decay: 0.1 },
]

const recipe = (optimiser: Optimiser): Recipe => recipeOf({ weights, optimiser, clip: 1.5, accumulate: 2 })
const MOST = PORTABLE.maxBindingBytes / 4

function planOf(made: Recipe, isBucketed: boolean, target: Target): Plan {
  const { plan } = compileGraph(
    updateGraph(made, isBucketed ? bucketWeights(made, MOST).updated : trainableWeights(made)),
    target,
    {
      weights: 'shared',
    },
  )
  if (plan === null) throw new Error('no plan')
  return plan
}

const noise = (shape: readonly number[], from: number): HostTensor =>
  hostTensor(
    shape,
    'f32',
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.fround(Math.sin(from + 1.7 * i))),
  )

const scalars = (made: Recipe, step: number) =>
  Object.fromEntries(
    Object.entries(updateInputs(made, made.optimiser.rate, step + 1)).map(([name, value]) => [
      name,
      hostTensor([], 'f32', Float64Array.of(Math.fround(value))),
    ]),
  )

it('buckets are moved by a dispatch each, in their places', () => {
  const {
    programs: [{ steps, copies }],
    kernels,
    buffers,
  } = planOf(recipe(OPTIMISERS[3]), true, PORTABLE)
  expect(copies).toBeUndefined()
  const moves = steps.filter(
    ({ kernel }) => kernels[kernel].bindings.filter(({ access }) => access === 'read_write').length === 3,
  )
  expect(
    moves.map(({ bindings }) => bindings.map(({ buffer }) => buffers[buffer].name).filter((name) => name.startsWith('bucket'))),
  ).toEqual([['bucket 0'], ['bucket 1'], ['bucket 2']])
  // sums of squares of three, one of them in rows; their root and the factor of the clip; two rates
  expect(steps).toHaveLength(moves.length + 4 + 2)
  expect(Math.max(...kernels.map(({ bindings }) => bindings.length))).toBeLessThanOrEqual(8)
})

describe.each(await softwareDevices())('on %s', ON_DEVICES, async (name) => {
  const device = await open(name)
  afterAll(() => device.dispose())

  const bucketed = OPTIMISERS.map((optimiser) => [optimiser.kind, 'in buckets', optimiser] as const)
  const apart = OPTIMISERS.slice(3).map((optimiser) => [optimiser.kind, 'one by one', optimiser] as const)

  it.each([...bucketed, ...apart])('%s moves weights %s', async (_, how, optimiser) => {
    const isBucketed = how === 'in buckets'
    const made = recipe(optimiser)
    const moved = trainableWeights(made)
    const store = createStore(device, isBucketed ? bucketWeights(made, MOST) : {})
    const expected: Weights = new Map(weights.map(({ name, shape }, at) => [name, noise(shape, at)]))
    await store.write(storedAll(Object.fromEntries(expected)))
    const session = await createSession(device, planOf(made, isBucketed, device.target), { store })
    const graph = updateGraph(made)
    for (let step = 0; step < 3; step++) {
      for (const [at, { name, shape }] of moved.entries()) expected.set(gradientName(name), noise(shape, 100 + at + 31 * step))
      await store.write(
        storedAll(Object.fromEntries(moved.map(({ name }) => [gradientName(name), expected.get(gradientName(name))!]))),
      )
      const { norm } = evaluateOn(expected, graph, scalars(made, step))
      const { norm: got } = await session.run(storedAll(scalars(made, step)))
      expect(relativeError(got.data, norm.values)).toBeLessThan(1e-6)
    }
    const left = await store.read([...weights.map(({ name }) => name), ...optimizerStateNames(made)])
    for (const [name, { data }] of Object.entries(left))
      expect(relativeError(data, expected.get(name)!.values), name).toBeLessThan(1e-5)
    store.dispose()
  })
})
