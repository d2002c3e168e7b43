/** What the doc comments of the policies promise. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { feedsOf } from '../support/random.ts'
import { root } from '../support/sources.ts'
import { graphOf, type Layer } from './layer.ts'
import { layers } from './policies.ts'
import { assertProperty } from '../support/property.ts'

const rows = ({ shape, values }: HostTensor): number[][] =>
  Array.from({ length: values.length / shape.at(-1)! }, (_, i) =>
    Array.from(values.subarray(i * shape.at(-1)!, (i + 1) * shape.at(-1)!)),
  )

interface Routed {
  readonly selected: number[][]
  readonly weights: number[][]
  readonly y: HostTensor
  readonly feeds: Feeds
}

const graphs = new Map<string, Graph>()

/** Lowered once. */
function once(layer: Layer, training: boolean): Graph {
  const key = JSON.stringify([layer, training])
  const graph = graphs.get(key) ?? graphOf(layer, { training })
  graphs.set(key, graph)
  return graph
}

/** What a layer decides about random tokens; `change` may give it other weights. */
function routed(layer: Layer, seed: number, change: (feeds: Feeds) => Feeds = (feeds) => feeds, training = false): Routed {
  const graph = once(layer, training)
  const feeds = change(feedsOf(graph, { B: 2, S: 7 }, { seed, vocabulary: 40 }))
  const outputs = evaluate(graph, feeds)
  return { selected: rows(outputs['moe.selected']), weights: rows(outputs['moe.weights']), y: outputs.y, feeds }
}

const scaled =
  (name: string, factor: number) =>
  (feeds: Feeds): Feeds => {
    const one = feeds.weights[name]
    return { ...feeds, weights: { ...feeds.weights, [name]: { ...one, values: one.values.map((value) => value * factor) } } }
  }

const close = (a: readonly number[][], b: readonly number[][]): void =>
  a.forEach((row, i) => row.forEach((value, j) => expect(value).toBeCloseTo(b[i][j], 12)))
const seeds = fc.integer({ min: 1, max: 1_000_000 })
const always = (check: (seed: number) => void): void => void assertProperty(fc.property(seeds, check), 6)

test('every file is tried in some form', () => {
  const files = readdirSync(join(root, 'std/policies'))
    .map((name) => name.replace('.smoe', ''))
    .sort()
  expect([...new Set(layers.map(({ file }) => file))].sort()).toEqual(files)
})

test('every policy stands in the table of the library', () => {
  const table = readFileSync(join(root, 'std/README.md'), 'utf8')
  expect(layers.map(({ route }) => route.slice(0, route.indexOf('('))).filter((name) => !table.includes(`\`${name}\``))).toEqual(
    [],
  )
})

describe.each(layers)('$route', (layer) => {
  test('gives each token different experts, and each a finite weight', () =>
    always((seed) => {
      const { selected, weights } = routed(layer, seed)
      for (const experts of selected) {
        const kept = experts.filter((expert) => expert >= 0)
        expect(kept.every((expert) => Number.isInteger(expert) && expert < 8)).toBe(true)
        expect(new Set(kept).size).toBe(kept.length)
      }
      for (const [token, row] of weights.entries())
        expect(row.every((weight, slot) => Number.isFinite(weight) && (selected[token][slot] >= 0 || weight === 0))).toBe(true)
    }))

  test('knows its way in training', () => {
    expect(routed(layer, 3, (feeds) => feeds, true).y.values.every(Number.isFinite)).toBe(true)
  })
})

const topOf = (k: number): Layer => ({ file: 'top_k', route: `top_k(k = ${k})` })

describe('at inference the same as top_k', () => {
  test.each<[Layer, number]>([
    [{ file: 'softmax_of_top_k', route: 'softmax_of_top_k(k = 3)' }, 3],
    [{ file: 'noisy_top_k', route: 'noisy_top_k(k = 2)' }, 2],
    [{ file: 'frozen_top_k', route: 'frozen_top_k(k = 2)' }, 2],
    [{ file: 'selective_sinkhorn', route: 'selective_sinkhorn(k = 2)' }, 2],
    [{ file: 'competition', route: 'competition(k = 2)' }, 2],
    [{ file: 'competition_v1', route: 'competition_v1(k = 2)' }, 2],
    [{ file: 'group_limited_top_k', route: 'group_limited_top_k(k = 3, groups = 4, keep = 4, renormalise = true)' }, 3],
    [{ file: 'biased_top_k', route: 'biased_top_k(k = 3, scores = "softmax", biases = false)' }, 3],
  ])('%o', (layer, k) =>
    always((seed) => {
      const { selected, weights, feeds } = routed(layer, seed)
      const plain = routed(topOf(k), seed, () => feeds)
      expect(selected).toEqual(plain.selected)
      close(weights, plain.weights)
    }),
  )

  test('spectral with alpha = 0, exactly', () =>
    always((seed) => {
      const { y, feeds } = routed({ file: 'spectral', route: 'spectral(k = 2, alpha = 0.0, c = 3, renormalise = true)' }, seed)
      expect(y).toEqual(routed(topOf(2), seed, () => feeds).y)
    }))
})

describe('groups', () => {
  const groupOf = (expert: number): number => Math.floor(expert / 2)

  test.each(['deepseek_v3(k = 3, groups = 4, keep = 2)', 'group_limited_top_k(k = 3, groups = 4, keep = 2)'])(
    '%s stays within two of them',
    (route) =>
      always((seed) => {
        const { selected } = routed({ file: route.slice(0, route.indexOf('(')), route }, seed)
        for (const experts of selected) expect(new Set(experts.map(groupOf)).size).toBeLessThanOrEqual(2)
      }),
  )

  test('a bias chooses and does not weigh', () =>
    always((seed) => {
      const layer = { file: 'deepseek_v3', route: 'deepseek_v3(k = 2, groups = 4, keep = 2, scale = 2.5)' }
      const pushed = routed(layer, seed, (feeds) => ({
        ...feeds,
        weights: {
          ...feeds.weights,
          'moe.router.bias': { shape: [8], dtype: 'f32', values: Float64Array.from([0, 0, 0, 0, 9, 0, 0, 9]) },
        },
      }))
      for (const [token, experts] of pushed.selected.entries()) {
        expect(experts.toSorted()).toEqual([4, 7])
        expect(pushed.weights[token].reduce((sum, weight) => sum + weight)).toBeCloseTo(2.5, 9)
        pushed.weights[token].forEach((weight) => expect(weight).toBeLessThan(2.5))
      }
    }))
})

describe('lengths that do not count', () => {
  test.each([
    ['cosine', 'cosine(k = 2)', 'moe.router.embedding'],
    ['cosine', 'cosine(k = 2)', 'moe.router.reduce'],
    ['stable', 'stable(k = 2)', 'moe.router.embedding'],
  ])('in %s: those of %s, %s', (file, route, weight) =>
    always((seed) => {
      const [one, other] = [routed({ file, route }, seed), routed({ file, route }, seed, scaled(weight, 3.5))]
      expect(other.selected).toEqual(one.selected)
      close(other.weights, one.weights)
    }),
  )
})

describe('without anything learned', () => {
  test('hash sends equal tokens to equal experts', () =>
    always((seed) => {
      const { selected, feeds } = routed({ file: 'hash', route: 'hash(k = 2)', hasIds: true }, seed)
      const known = new Map<number, string>()
      feeds.inputs.tokens.values.forEach((id, token) => {
        const experts = selected[token].join()
        expect(known.get(id) ?? experts).toBe(experts)
        known.set(id, experts)
      })
    }))

  const shares = (layer: Layer, T: number): readonly number[] => {
    const graph = graphOf(layer)
    const feeds = feedsOf(graph, { B: 1, S: T }, { vocabulary: 40 })
    const ids = { ...feeds.inputs.tokens, values: Float64Array.from({ length: T }, (_, i) => i % 40) }
    const { 'moe.selected': selected } = evaluate(graph, layer.hasIds === true ? { ...feeds, inputs: { tokens: ids } } : feeds)
    const counts = Array.from({ length: 8 }, () => 0)
    selected.values.forEach((expert) => counts[expert]++)
    return counts.map((count) => (count * 8) / selected.values.length)
  }

  test('random gives every expert its share', () => {
    for (const seed of [0, 1, 46336])
      for (const share of shares({ file: 'random', route: `random(k = 2, seed = ${seed})` }, 4000))
        expect(share).toBeCloseTo(1, 0.7)
  })

  test('hash gives no expert more than twice its share of a vocabulary', () => {
    for (const share of shares({ file: 'hash', route: 'hash(k = 1)', hasIds: true }, 40)) expect(share).toBeLessThanOrEqual(2)
  })

  test('rows in turn', () => {
    expect(routed({ file: 'soft', route: 'in_turn(slots = 3)' }, 1).selected.flat()).toEqual(
      Array.from({ length: 14 }, (_, i) => Math.floor(i / 3)),
    )
  })
})

describe('top_p', () => {
  test('keeps as few as sum to p', () =>
    always((seed) => {
      const { weights, feeds } = routed({ file: 'top_p', route: 'top_p(p = 0.7)' }, seed)
      const all = routed({ file: 'top_k', route: 'top_k(k = 8, renormalise = false)' }, seed, () => feeds)
      weights.forEach((row, token) => {
        const kept = row.filter((weight) => weight > 0)
        expect(kept).toEqual(all.weights[token].slice(0, kept.length))
        expect(kept.reduce((sum, weight) => sum + weight, 0)).toBeGreaterThanOrEqual(0.7 - 1e-12)
        expect(kept.slice(0, -1).reduce((sum, weight) => sum + weight, 0)).toBeLessThan(0.7)
      })
    }))

  test('keeps the best one even of p = 0', () => {
    const { weights } = routed({ file: 'top_p', route: 'top_p(p = 0.0, renormalise = true)' }, 5)
    expect(weights.map((row) => row.filter((weight) => weight > 0))).toEqual(weights.map(() => [1]))
  })
})

test('expert_choice gives every expert as many tokens: those to which it is most probable', () =>
  always((seed) => {
    const { selected, weights, feeds } = routed(
      { file: 'expert_choice', route: 'expert_choice(k = 2)', requires: ['expert choice'] },
      seed,
    )
    const all = routed({ file: 'top_k', route: 'top_k(k = 8, renormalise = false)' }, seed, () => feeds)
    const probability = (token: number, expert: number): number => all.weights[token][all.selected[token].indexOf(expert)]
    for (let expert = 0; expert < 8; expert++) {
      const best = selected
        .map((_, token) => token)
        .sort((a, b) => probability(b, expert) - probability(a, expert) || a - b)
        .slice(0, Math.ceil((2 * 14) / 8))
      expect(selected.flatMap((experts, token) => (experts[expert] === expert ? [token] : []))).toEqual(
        best.sort((a, b) => a - b),
      )
      for (const token of best) expect(weights[token][expert]).toBeCloseTo(probability(token, expert), 12)
    }
  }))
