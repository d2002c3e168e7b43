/** LoRA beside the model with the sums of the weights: losses and gradients, wherever a weight is read. */
import { describe, expect, test } from 'vitest'
import { compileTraining, type TrainingGraphs } from '../../compiler/train.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { adapterName } from '../../plan/adapters.ts'
import { framed } from '../support/check.ts'
import { relativeError } from '../support/compare.ts'
import { uniform as random } from '../support/random.ts'
import { load } from '../support/sources.ts'

const [RANK, SCALE] = [2, 1.5]

/** Weights that are read by matmuls from either side, row by row, by experts, and one by one. */
const specOf = (learns: string): string => `import { attention } from "std/blocks/attention"
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"
model m(V: int = 11, D: int = 8, E: int = 4) {
  input tokens: i32[B, S]
  param embed: f32[V, D]
  param turn: f32[D, D]
  param scale: f32[D, D]
  let h = take(embed, tokens) @ turn
  let g = h + attention(h, heads = 2)
  let f = (g + moe(g) {
    experts E of swiglu(F = 6)
    route top_k(k = 2)
    require capacity 1.0 overflow drop
  }) * scale[0]
  output logits: f32[B, S, V] = f @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    optimiser sgd(rate = 0.1)
    batch B = 2, S = 5
    ${learns}
  }
}
`

function graphsOf(learns: string): TrainingGraphs {
  const { graphs, diagnostics } = compileTraining({ path: 'm.smoe', text: specOf(learns) }, { load })
  if (graphs === null) throw new Error(framed(diagnostics))
  return graphs
}

type Tensors = Readonly<Record<string, HostTensor>>

const filled = (shape: readonly number[], seed: number): HostTensor => {
  const next = random(seed)
  return hostTensor(
    shape,
    'f32',
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() - 0.5),
  )
}

const ids = (seed: number): HostTensor =>
  hostTensor(
    [2, 5],
    'i32',
    Float64Array.from({ length: 10 }, (_, at) => (at * seed + 1) % 11),
  )

/** Sums over the rank for each expert: [.., M, R] @ [.., R, N], or with either side transposed. */
function product(left: HostTensor, right: HostTensor, transposed: 'none' | 'left' | 'right'): HostTensor {
  const [a, b] = [left.shape.slice(-2), right.shape.slice(-2)]
  const [rows, depth] = transposed === 'left' ? [a[1], a[0]] : a
  const columns = transposed === 'right' ? b[0] : b[1]
  const batch = left.shape.slice(0, -2)
  const count = batch.reduce((all, size) => all * size, 1)
  const values = new Float64Array(count * rows * columns)
  for (let e = 0; e < count; e++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (let r = 0; r < depth; r++) {
          const x = left.values[e * rows * depth + (transposed === 'left' ? r * rows + row : row * depth + r)]
          const y = right.values[e * columns * depth + (transposed === 'right' ? column * depth + r : r * columns + column)]
          values[(e * rows + row) * columns + column] += x * y
        }
  return hostTensor([...batch, rows, columns], 'f32', values)
}

const weightsOf = ({ recipe }: TrainingGraphs): Tensors =>
  Object.fromEntries(recipe.weights.map(({ name, shape }, at) => [name, filled(shape, at + 1)]))

const INPUTS = { tokens: ids(3), targets: ids(7) }
const resultsOf = (graphs: TrainingGraphs, weights: Tensors): Tensors =>
  evaluate(graphs.step([], true), { inputs: INPUTS, weights })

describe('of every matrix', () => {
  const pairs = graphsOf(`learns lora(rank = ${RANK}, scale = ${SCALE}) on "*"`)
  const adapters = pairs.recipe.adapters!
  const given = weightsOf(pairs)
  const sums = Object.fromEntries(
    Object.entries(given).map(([name, weight]) => {
      if (!adapters.some((one) => one.weight === name)) return [name, weight]
      const added = product(given[adapterName(name, 'up')], given[adapterName(name, 'down')], 'none')
      return [
        name,
        hostTensor(
          weight.shape,
          'f32',
          weight.values.map((value, at) => value + SCALE * added.values[at]),
        ),
      ]
    }),
  )
  const [apart, whole] = [resultsOf(pairs, given), resultsOf(graphsOf(''), sums)]

  test('there is a pair, and nothing else learns', () => {
    expect(adapters.map(({ weight }) => weight).sort()).toEqual(
      [
        'attention.k',
        'attention.o',
        'attention.q',
        'attention.v',
        'embed',
        'moe.experts.down',
        'moe.experts.gate',
        'moe.experts.up',
        'moe.router.gate',
        'scale',
        'turn',
      ].sort(),
    )
    const moving = pairs.recipe.weights.filter(({ rate }) => rate !== 0).map(({ name }) => name)
    expect(moving.every((name) => /\.lora_[ab]$/.test(name))).toBe(true)
    expect(moving).toHaveLength(2 * adapters.length)
    expect(Object.keys(apart).filter((name) => name.startsWith('gradient.'))).toHaveLength(moving.length)
  })

  test('the loss is that of the sums', () => {
    expect(relativeError(apart['loss.next'].values, whole['loss.next'].values)).toBeLessThan(1e-12)
  })

  test.each(adapters.map(({ weight }) => weight))('the gradients of the pair of %s follow from that of the sum', (weight) => {
    const gradient = whole[`gradient.${weight}`]
    const scaled = hostTensor(
      gradient.shape,
      'f32',
      gradient.values.map((value) => SCALE * value),
    )
    const [down, up] = [adapterName(weight, 'down'), adapterName(weight, 'up')]
    expect(relativeError(apart[`gradient.${down}`].values, product(given[up], scaled, 'left').values)).toBeLessThan(1e-10)
    expect(relativeError(apart[`gradient.${up}`].values, product(scaled, given[down], 'right').values)).toBeLessThan(1e-10)
  })
})

test('matmuls read the pair and never the sum', () => {
  const sums = (learns: string): number => {
    const graph = graphsOf(learns).evaluation()
    const seen = new Set(graph.outputs.map(({ node }) => node))
    for (const node of seen) for (const input of node.inputs) seen.add(input)
    return [...seen].filter(({ op, inputs }) => op === 'add' && inputs.some((input) => input.op === 'weight')).length
  }
  expect(sums('learns lora(rank = 1) on experts, attention, router, turn')).toBe(0)
  expect(sums('learns lora(rank = 1) on embed')).toBe(1)
})

test('of several the last that fits counts, and what trains itself has none', () => {
  const { recipe } = graphsOf(
    'learns lora(rank = 1) on experts, attention\n learns lora(rank = 3, scale = 2.0) on "*.up"\n learns "attention.q"',
  )
  expect(recipe.adapters!.find(({ weight }) => weight === 'moe.experts.up')).toEqual({
    weight: 'moe.experts.up',
    rank: 3,
    scale: 2,
  })
  expect(recipe.adapters!.find(({ weight }) => weight === 'moe.experts.gate')).toMatchObject({ rank: 1, scale: 1 })
  expect(recipe.adapters!.some(({ weight }) => weight === 'attention.q')).toBe(false)
  expect(recipe.weights.find(({ name }) => name === 'attention.q')!.rate).toBe(1)
})
