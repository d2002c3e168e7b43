import { describe, expect, test } from 'vitest'
import type { RoutedLayer } from '../../../runtime/routing/record.ts'
import { replayRoutes, type ReplayedLayer } from '../../../runtime/routing/replay.ts'
import { layerOf } from './layers.ts'

const FREE = { dropless: null, capacity: null, groupLimit: null }

const wanted = (layer: string, change: Partial<ReplayedLayer> = {}): ReplayedLayer => ({
  layer,
  experts: 4,
  tokens: 3,
  k: 2,
  selected: `${layer}.selected`,
  weights: `${layer}.weights`,
  spilled: null,
  constraints: FREE,
  ...change,
})

const recorded = (name: string, change: Partial<RoutedLayer> = {}): RoutedLayer => ({
  ...layerOf(4, [
    [0, 1],
    [1, 2],
    [3, -1],
  ]),
  name,
  ...change,
})

test('a record becomes inputs, its layers in the order of the run', () => {
  const [a, b] = [recorded('a'), recorded('b', { spilled: Float32Array.of(0, 0, 0.5) })]
  const { record, inputs } = replayRoutes({ layers: [b, a] }, [wanted('a'), wanted('b', { spilled: 'b.spilled' })], 'r')
  expect(record.layers).toEqual([a, b])
  expect(inputs).toEqual({
    'a.selected': { shape: [3, 2], data: a.selected },
    'a.weights': { shape: [3, 2], data: a.weights },
    'b.selected': { shape: [3, 2], data: b.selected },
    'b.weights': { shape: [3, 2], data: b.weights },
    'b.spilled': { shape: [3], data: b.spilled },
  })
})

describe('what does not fit is refused', () => {
  const dropless = { dropless: { text: 'dropless' }, capacity: null, groupLimit: null }
  const most = (tokens: number): ReplayedLayer['constraints'] => ({
    ...FREE,
    capacity: { text: `at most ${tokens} tokens an expert`, tokens },
  })
  const groups = (keep: number): ReplayedLayer['constraints'] => ({
    ...FREE,
    groupLimit: { text: `groups 2 keep ${keep}`, count: 2, keep },
  })

  const wrong: readonly [string, RoutedLayer, Partial<ReplayedLayer>, string][] = [
    ['a missing layer', recorded('b'), {}, 'r: lacks layer a of the model; it has b'],
    ['other experts', recorded('a', { experts: 5 }), {}, 'r: a: is recorded with 5 experts, the model has 4'],
    ['other slots', recorded('a'), { k: 1 }, 'r: a: is recorded with 2 slots a token, the model has 1'],
    ['other tokens', recorded('a'), { tokens: 48 }, 'r: a: is recorded with 3 tokens, the run has 48'],
    [
      'a drop that weighs',
      recorded('a', { weights: Float64Array.of(1, 1, 1, 1, 1, 0.5) }),
      {},
      'r: a: slot 1 of token 2 is dropped and weighs 0.5',
    ],
    [
      'a weight beyond f32',
      recorded('a', { weights: Float64Array.of(1, 1e39, 1, 1, 1, 0) }),
      {},
      'r: a: a weight is 1e+39, the largest is 3.4028234663852886e+38',
    ],
    [
      'no weight passed on',
      recorded('a'),
      { spilled: 'a.spilled' },
      "r: a: passes weight on to its shared experts, but 'a.spilled' is not recorded",
    ],
    [
      'a weight passed on to nobody',
      recorded('a', { spilled: new Float64Array(3) }),
      {},
      "r: a: is recorded with 'a.spilled', but no weight is passed on",
    ],
    [
      'a drop of a model that drops none',
      recorded('a'),
      { constraints: dropless },
      'r: a: slot 1 of token 2 is dropped, and the model requires `dropless`',
    ],
    [
      'a full expert',
      recorded('a'),
      { constraints: most(1) },
      'r: a: expert 1 answers 2 tokens, 1 are the most, and the model requires `at most 1 tokens an expert`',
    ],
    [
      'experts of other groups',
      recorded('a'),
      { constraints: groups(1) },
      'r: a: the experts of token 1 lie in 2 groups, 1 are kept, and the model requires `groups 2 keep 1`',
    ],
  ]
  test.each(wrong)('%s', (_, layer, change, message) =>
    expect(() => replayRoutes({ layers: [layer] }, [wanted('a', change)], 'r')).toThrow(message),
  )

  test('a layer too many', () => {
    expect(() => replayRoutes({ layers: [recorded('a'), recorded('b')] }, [wanted('a')], 'r')).toThrow(
      'r: has layer b, which the model does not have; it has a',
    )
  })

  test('and what keeps its promises is not', () => {
    for (const promises of [most(2), groups(2)])
      expect(replayRoutes({ layers: [recorded('a')] }, [wanted('a', { constraints: promises })], 'r').record.layers).toHaveLength(
        1,
      )
  })
})
