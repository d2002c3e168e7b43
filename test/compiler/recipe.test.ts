/** What a spec says of its training, as the loop reads it. */
import { describe, expect, test } from 'vitest'
import { recipeOf, type RecipeOverrides } from '../../compiler/recipe.ts'
import type { RecipeWeight, Recipe } from '../../plan/recipe.ts'
import { checkSource, framed } from '../support/check.ts'

function recipe(text: string, overrides: RecipeOverrides = {}): Recipe {
  const { model, diagnostics } = checkSource({ path: 'test/compiler/spec.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  return recipeOf(model, overrides)!
}

const spec = (
  settings = '',
  moe = 'competition(k = 2, rate = 0.25, warmup = 0.1, layers = 1)',
  requires = '',
): string => `import { competition } from "std/policies/competition"
import { frozen_top_k } from "std/policies/frozen_top_k"
import { gelu_mlp } from "std/experts/gelu_mlp"
import { rms_norm } from "std/blocks/norm"
model m(V: int = 7, D: int = 4, E: int = 4, L: int = 2, wide: real = 0.5) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(wide)
  var h = take(embed, tokens)
  repeat layers[i] in 0..L {
    param scale: f32[D] = uniform(0.1 * (i + 1))
    h = h * scale + moe(rms_norm(h) as norm) {
      experts E of gelu_mlp(F = 3)
      route ${moe}${requires}
    }
  }
  output logits: f32[B, S, V] = h @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    metric accuracy = accuracy(logits, targets)
    optimiser adamw(rate = 0.01, decay = 0.1)
    batch B = 2, S = L + 1${settings}
  }
}
`
const weight = ({ weights }: Recipe, name: string): RecipeWeight => weights.find((one) => one.name === name)!

test('without settings', () => {
  const { version, model, optimiser, schedule, clip, accumulate, batch, steps, seed, losses, metrics, isRandom, inputs } =
    recipe(spec())
  expect({ version, model, optimiser, schedule, clip, accumulate, batch, steps, seed, isRandom }).toEqual({
    version: 2,
    model: 'm',
    optimiser: { kind: 'adamw', rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1 },
    schedule: { kind: 'constant', warmup: 0 },
    clip: null,
    accumulate: 1,
    batch: { B: 2, S: 3 },
    steps: 1000,
    seed: 0,
    isRandom: false,
  })
  const kinds = ['distil', 'diversity', 'competition_balance', 'balance', 'z']
  expect([...losses].sort()).toEqual(
    [...[0, 1].flatMap((i) => kinds.map((kind) => `loss.layers.${i}.moe.router.${kind}`)), 'loss.next'].sort(),
  )
  expect(metrics).toEqual(['metric.accuracy'])
  expect(inputs).toEqual([
    { name: 'tokens', dtype: 'i32', shape: [2, 3], below: 7 },
    { name: 'targets', dtype: 'i32', shape: [2, 3], below: 7 },
  ])
})

test('with all of them', () => {
  const made = recipe(spec('\n schedule cosine(warmup = 5, final = 0.1)\n clip 1\n accumulate 4\n steps 10 * L\n seed 3'))
  expect(made).toMatchObject({ schedule: { kind: 'cosine', warmup: 5, final: 0.1 }, clip: 1, accumulate: 4, steps: 20, seed: 3 })
})

test('what is asked for takes the place of what is said', () => {
  const made = recipe(spec('\n steps 10\n clip 1.0'), { steps: 7, seed: 9, accumulate: 2, batch: { S: 5 } })
  expect(made).toMatchObject({ steps: 7, seed: 9, accumulate: 2, clip: 1, batch: { B: 2, S: 5 } })
  expect(made.inputs[0].shape).toEqual([2, 5])
})

test('a model without a train block has none', () => {
  const { model } = checkSource({ path: 'a.smoe', text: 'model m() {\n  input x: f32[N]\n  output y = x\n}' })
  expect(recipeOf(model!)).toBe(null)
})

describe('weights', () => {
  test('stand in the order of the run, each layer by itself', () => {
    const own = ['experts.up', 'experts.up_bias', 'experts.down', 'experts.down_bias']
    const layer = (i: number): readonly string[] => [
      `layers.${i}.scale`,
      `layers.${i}.norm.weight`,
      `layers.${i}.moe.router.gate`,
      ...own.map((name) => `layers.${i}.moe.${name}`),
    ]
    expect([...recipe(spec()).weights.map(({ name }) => name)].sort()).toEqual(['embed', ...layer(0), ...layer(1)].sort())
    expect(recipe(spec()).weights[0].name).toBe('embed')
  })
  test('begin as they say themselves, else by their axes', () => {
    const made = recipe(spec())
    expect(weight(made, 'embed').initialiser).toEqual({ kind: 'normal', deviation: 0.5 })
    expect([0, 1].map((i) => weight(made, `layers.${i}.scale`).initialiser)).toEqual([
      { kind: 'uniform', bound: 0.1 },
      { kind: 'uniform', bound: 0.2 },
    ])
    expect(weight(made, 'layers.0.norm.weight').initialiser).toEqual({ kind: 'ones' })
    expect(weight(made, 'layers.0.moe.experts.up_bias').initialiser).toEqual({ kind: 'zeros' })
    expect(weight(made, 'layers.0.moe.experts.down')).toMatchObject({
      shape: [4, 4, 3],
      initialiser: { kind: 'fan', gain: 1 },
      fanIn: 3,
    })
  })
  test('a pattern counts more than what a weight says, the last of all the most', () => {
    const made = recipe(spec('\n initialise normal(0.02)\n initialise "*" zeros()\n initialise "*.router.*" fan(2.0)'))
    expect(weight(made, 'embed').initialiser).toEqual({ kind: 'zeros' })
    expect(weight(made, 'layers.1.moe.router.gate').initialiser).toEqual({ kind: 'fan', gain: 2 })
  })
  test('without a pattern it is for matrices that say nothing themselves', () => {
    const made = recipe(spec('\n initialise normal(0.02)'))
    const kinds = (name: string): string => JSON.stringify(weight(made, name).initialiser)
    expect(['embed', 'layers.0.norm.weight', 'layers.0.moe.experts.up_bias'].map(kinds)).toEqual([
      '{"kind":"normal","deviation":0.5}',
      '{"kind":"ones"}',
      '{"kind":"zeros"}',
    ])
    expect(kinds('layers.0.moe.experts.up')).toBe('{"kind":"normal","deviation":0.02}')
  })
  test('decay is for matrices, of banks those of each expert; groups say otherwise', () => {
    const made = recipe(
      spec('\n group "*.experts.*" (rate = 0.5)\n group "*.up_bias" (decay = 0.3)\n group "layers.1.*" (rate = 2)'),
    )
    const told = (name: string): readonly number[] => [weight(made, name).rate, weight(made, name).decay]
    expect(told('embed')).toEqual([1, 0.1])
    expect(told('layers.0.scale')).toEqual([1, 0])
    expect(told('layers.0.moe.experts.up')).toEqual([0.5, 0.1])
    expect(told('layers.0.moe.experts.down_bias')).toEqual([0.5, 0])
    expect(told('layers.1.moe.experts.up_bias')).toEqual([2, 0.3])
  })
  test('behind what has no slope nothing is learned, nor shrunk', () => {
    const made = recipe(
      spec().replace('h @ embed.T', 'h @ floor(embed).T').replace('take(embed, tokens)', 'take(sign(embed), tokens)'),
    )
    expect(weight(made, 'embed')).toMatchObject({ rate: 0, decay: 0 })
    expect(weight(made, 'norm.weight') ?? weight(made, 'layers.0.norm.weight')).toMatchObject({ rate: 1 })
  })
  test('what no gradient reaches stays as it is', () => {
    const made = recipe(spec('', 'frozen_top_k(k = 2)', '\n      require bias balanced at 0.001'))
    expect(weight(made, 'layers.0.moe.router.gate')).toMatchObject({ rate: 0, decay: 0, initialiser: { kind: 'fan', gain: 1 } })
    expect(weight(made, 'layers.0.moe.router.balance_bias')).toMatchObject({ rate: 0, initialiser: { kind: 'zeros' } })
    expect(weight(made, 'layers.0.moe.experts.up').rate).toBe(1)
  })
})

describe('layers', () => {
  test('those that compete, and how often', () => {
    expect(recipe(spec()).layers).toEqual(
      [0, 1].map((i) => ({
        layer: `layers.${i}/moe`,
        experts: 4,
        competition: { rate: 0.25, after: 0.1, atMost: 1 },
        selected: `layers.${i}/moe.selected`,
        weights: `layers.${i}/moe.weights`,
        balancedBias: null,
      })),
    )
  })
  test('those that train in one way, with a bias that is moved', () => {
    const [first] = recipe(spec('', 'frozen_top_k(k = 2)', '\n      require bias balanced at 0.001')).layers
    expect(first).toMatchObject({ competition: null, balancedBias: { weight: 'layers.0.moe.router.balance_bias', rate: 0.001 } })
    expect(first).not.toHaveProperty('within')
  })
  test('those whose load is to be balanced', () => {
    expect(
      recipe(spec('', 'frozen_top_k(k = 2)', '\n      require balanced within 5%')).layers.map(({ within }) => within),
    ).toEqual([5, 5])
  })
})

describe('what learns', () => {
  const rates = (made: Recipe): readonly (readonly [string, number, number])[] =>
    made.weights.map(({ name, rate, decay }) => [name, rate, decay])

  test('is named by label or pattern; all else is frozen, without decay', () => {
    const made = recipe(spec('\n learns router, "layers.0.norm*"\n group "*" (rate = 0.5, decay = 0.2)'))
    const moving = rates(made).filter(([, rate]) => rate !== 0)
    expect(moving).toEqual([
      ['layers.0.norm.weight', 0.5, 0.2],
      ['layers.0.moe.router.gate', 0.5, 0.2],
      ['layers.1.moe.router.gate', 0.5, 0.2],
    ])
    expect(
      rates(made)
        .filter(([, rate]) => rate === 0)
        .every(([, , decay]) => decay === 0),
    ).toBe(true)
    expect(made.weights).toHaveLength(recipe(spec()).weights.length)
  })

  test('a named weight that no gradient reaches stays as it is', () => {
    const made = recipe(spec('\n learns router, embed', 'frozen_top_k(k = 2)'))
    expect(
      rates(made)
        .filter(([, rate]) => rate !== 0)
        .map(([name]) => name),
    ).toEqual(['embed'])
  })

  test('a bias against the load moves where its router learns', () => {
    const text = (learns: string): string =>
      spec(learns, 'biased_top_k(k = 2)', '\n      require bias balanced at 0.01').replace(
        'import { competition } from "std/policies/competition"',
        'import { biased_top_k } from "std/policies/biased_top_k"',
      )
    const biases = (learns: string): readonly unknown[] => recipe(text(learns)).layers.map(({ balancedBias }) => balancedBias)
    expect(biases('')).toEqual([
      { weight: 'layers.0.moe.router.balance_bias', rate: 0.01 },
      { weight: 'layers.1.moe.router.balance_bias', rate: 0.01 },
    ])
    expect(biases('\n learns router')).toEqual(biases(''))
    expect(biases('\n learns experts')).toEqual([null, null])
  })
})
