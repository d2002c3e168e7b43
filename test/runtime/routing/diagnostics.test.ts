/** What each diagnostic says at the edges, and what holds of any routing. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocationEntropy } from '../../../runtime/routing/allocation-entropy.ts'
import { changeRateSet, changeRateTop1 } from '../../../runtime/routing/change-rate.ts'
import { coactivation, coactivationOf, pairIndex } from '../../../runtime/routing/coactivation.ts'
import { createRandom, normal } from '../../../cli/random.ts'
import { collapse, meanCosine, randomRows, routerVerdict, type RouterVerdict } from '../../../runtime/routing/collapse.ts'
import { deadExperts } from '../../../runtime/routing/dead.ts'
import { fractions, load } from '../../../runtime/routing/load.ts'
import { margin } from '../../../runtime/routing/margin.ts'
import { maxVio } from '../../../runtime/routing/max-vio.ts'
import { overlap } from '../../../runtime/routing/overlap.ts'
import { checkLayer, checkRecord } from '../../../runtime/routing/record.ts'
import { variation } from '../../../runtime/routing/variation.ts'
import { weightEntropy } from '../../../runtime/routing/weight-entropy.ts'
import { anyLayer, layerOf } from './layers.ts'
import { assertProperty } from '../../support/property.ts'

const all = (layer: Parameters<typeof load>[0]): Record<string, unknown> => {
  const loads = load(layer)
  return {
    counts: loads.counts,
    dead: deadExperts(loads),
    cv: variation(loads),
    maxVio: maxVio(loads),
    allocation: allocationEntropy(loads),
    weights: weightEntropy(layer),
    margin: margin(layer)?.value ?? null,
  }
}

describe('the edges', () => {
  test('no tokens', () => {
    expect(all(layerOf(3, [], [], 2))).toEqual({
      counts: [0, 0, 0],
      dead: [0, 1, 2],
      cv: null,
      maxVio: null,
      allocation: null,
      weights: null,
      margin: null,
    })
    expect([changeRateTop1, changeRateSet, overlap].map((of) => of(layerOf(3, [], [], 2), layerOf(3, [], [], 2)))).toEqual([
      null,
      null,
      null,
    ])
  })

  test('every expert gets every token', () => {
    expect(
      all(
        layerOf(3, [
          [0, 1, 2],
          [2, 1, 0],
        ]),
      ),
    ).toEqual({ counts: [2, 2, 2], dead: [], cv: 0, maxVio: 0, allocation: 1, weights: 1, margin: 0 })
  })

  test('one expert gets all tokens, and the others none', () => {
    expect(all(layerOf(4, [[2], [2], [2]]))).toEqual({
      counts: [0, 0, 3, 0],
      dead: [0, 1, 3],
      cv: Math.sqrt(3),
      maxVio: 3,
      allocation: 0,
      weights: null,
      margin: null,
    })
  })

  test('one expert is all there are', () => {
    expect(all(layerOf(1, [[0], [0]]))).toEqual({
      counts: [2],
      dead: [],
      cv: 0,
      maxVio: 0,
      allocation: null,
      weights: null,
      margin: null,
    })
  })

  test('everything is dropped', () => {
    expect(
      load(
        layerOf(2, [
          [-1, -1],
          [-1, -1],
        ]),
      ),
    ).toEqual({ counts: [0, 0], kept: 0, dropped: 4 })
    expect(
      all(
        layerOf(2, [
          [-1, -1],
          [-1, -1],
        ]),
      ),
    ).toEqual({ counts: [0, 0], dead: [0, 1], cv: null, maxVio: null, allocation: null, weights: null, margin: null })
  })

  test('a dropped slot says nothing of weights', () => {
    const layer = layerOf(
      3,
      [
        [0, 1],
        [2, -1],
        [1, 0],
      ],
      [
        [0.75, 0.25],
        [1, 0],
        [0.5, 0.5],
      ],
    )
    expect(margin(layer)?.value).toBeCloseTo((0.5 + 0) / 2, 15)
    // a token with one answer has no doubt
    const [x, y] = [0.75, 0.25]
    expect(weightEntropy(layer)).toBeCloseTo((-(x * Math.log2(x) + y * Math.log2(y)) + 0 + 1) / 3, 15)
  })

  test('a weight counts by its size', () => {
    expect(weightEntropy(layerOf(2, [[0, 1]], [[0.5, -0.5]]))).toBeCloseTo(1, 15)
    expect(
      weightEntropy(
        layerOf(
          2,
          [
            [0, 1],
            [0, 1],
          ],
          [
            [0, 0],
            [0.5, 0.5],
          ],
        ),
      ),
    ).toBeCloseTo(1, 15)
  })
})

describe('what cannot be is refused', () => {
  const layer = layerOf(3, [
    [0, 1],
    [2, -1],
  ])
  const wrong: readonly [string, Partial<typeof layer>, RegExp][] = [
    [
      'NaN weights',
      { weights: Float64Array.of(1, NaN, 1, Infinity) },
      /output moe.weights: 2 of 4 values are not finite, the first at 1/,
    ],
    ['NaN scores', { scores: new Float32Array(6).fill(NaN) }, /moe.scores: 6 of 6/],
    ['an expert there is not', { selected: Int32Array.of(0, 1, 3, 0) }, /moe: token 1 chose expert 3 of 3, from 0 to 2/],
    ['a negative expert', { selected: Int32Array.of(0, 1, 2, -2) }, /token 1 chose expert -2/],
    ['too few choices', { selected: Int32Array.of(0) }, /1 choices for 2 tokens of 2 slots/],
    ['too few weights', { weights: Float64Array.of(0) }, /1 weights for 2 tokens/],
    ['too few scores', { scores: Float64Array.of(0) }, /1 scores for 2 tokens and 3 experts/],
    ['no experts', { experts: 0 }, /0 experts/],
    ['half a token', { tokens: 0.5 }, /0.5 tokens/],
    ['no slots', { k: 0 }, /0 slots/],
  ]
  test.each(wrong)('%s', (_, part, message) => expect(() => checkLayer({ ...layer, ...part })).toThrow(message))

  test('two layers of one name', () =>
    expect(() => checkRecord({ layers: [layer, layer] })).toThrow('moe: is in the record twice'))

  test('records of different runs', () => {
    expect(() => overlap(layer, layerOf(3, [[0, 1]]))).toThrow('moe: 2 tokens cannot be compared with 1')
    expect(() =>
      changeRateTop1(
        layer,
        layerOf(4, [
          [0, 1],
          [0, 1],
        ]),
      ),
    ).toThrow('3 experts cannot be compared with 4')
  })
})

describe('of any routing', () => {
  const isShare = (value: number | null): boolean => value === null || (value >= -1e-12 && value <= 1 + 1e-12)

  test('what is kept and what is dropped are all slots', () => {
    assertProperty(
      fc.property(anyLayer, (layer) => {
        const loads = load(layer)
        expect(loads.kept + loads.dropped).toBe(layer.tokens * layer.k)
        if (loads.kept > 0) expect(fractions(loads).reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 12)
      }),
    )
  })

  test('every measure keeps to its range', () => {
    assertProperty(
      fc.property(anyLayer, (layer) => {
        const loads = load(layer)
        expect([allocationEntropy(loads), weightEntropy(layer), margin(layer)?.value ?? null].every(isShare)).toBe(true)
        const most = layer.experts - 1
        expect(variation(loads) ?? 0).toBeLessThanOrEqual(Math.sqrt(most) + 1e-12)
        expect(maxVio(loads) ?? 0).toBeLessThanOrEqual(most + 1e-12)
      }),
    )
  })

  test('co-activation is counted token by token', () => {
    assertProperty(
      fc.property(anyLayer, (layer) => {
        const counted = coactivation(layer)
        const rows = Array.from({ length: layer.tokens }, (_, token) => [
          ...layer.selected.subarray(token * layer.k, (token + 1) * layer.k),
        ])
        for (let i = 0; i < layer.experts; i++) {
          const mine = rows.filter((row) => row.includes(i))
          for (let j = 0; j < layer.experts; j++) {
            expect(coactivationOf(counted, i, j)).toBe(
              mine.length === 0 ? 0 : mine.filter((row) => row.includes(j)).length / mine.length,
            )
          }
        }
      }),
    )
  })

  test('pairs stand row by row', () => {
    const order: number[] = []
    for (let i = 0; i < 5; i++) for (let j = i + 1; j < 5; j++) order.push(pairIndex(5, i, j))
    expect(order).toEqual(order.map((_, at) => at))
  })

  test('a record agrees with itself, and two agree both ways', () => {
    assertProperty(
      fc.property(anyLayer, (layer) => {
        if (layer.tokens > 0)
          expect([changeRateTop1(layer, layer), changeRateSet(layer, layer), overlap(layer, layer)]).toEqual([0, 0, 1])
        const other = { ...layer, selected: layer.selected.map((expert) => (expert < 0 ? -1 : layer.experts - 1 - expert)) }
        expect(overlap(layer, other)).toBe(overlap(other, layer))
        expect([overlap(layer, other), changeRateTop1(layer, other)].every(isShare)).toBe(true)
      }),
    )
  })
})

describe('collapse', () => {
  test('rows of one direction have collapsed, crossed ones have not', () => {
    expect(collapse(Float64Array.of(1, 2, 3, 2, 4, 6, -1, -2, -3), 3)).toEqual({
      pearson: expect.closeTo(1, 12),
      cosine: expect.closeTo(1, 12),
    })
    expect(collapse(Float64Array.of(1, 0, 0, 1), 2).cosine).toBe(0)
    expect(meanCosine(Float64Array.of(1, 1, -1, -1), 2)).toBeCloseTo(-1, 12)
  })

  test('rows that say nothing belong to no pair', () => {
    expect(collapse(Float64Array.of(0.1, 0.1, 0.1, 1, 2, 3), 3)).toEqual({ pearson: null, cosine: expect.any(Number) })
    expect(collapse(Float64Array.of(0, 0, 1, 2), 2)).toEqual({ pearson: null, cosine: null })
  })

  test('no size of the numbers overflows', () => {
    expect(collapse(Float64Array.of(1e300, 2e300, 1e-300, 2e-300), 2)).toEqual({
      pearson: expect.closeTo(1, 12),
      cosine: expect.closeTo(1, 12),
    })
  })
})

describe('the scale of collapse', () => {
  const random = createRandom(11)
  const rowsOf = (rows: number, width: number): Float64Array =>
    Float64Array.from({ length: rows * width }, () => normal(random, 1))

  test.each([
    [2, 2000],
    [3, 2000],
    [32, 200],
    [512, 40],
  ])('random rows of width %i have the mean and the deviation that are told', (width, trials) => {
    const rows = 6
    const found = Array.from({ length: trials }, () => collapse(rowsOf(rows, width), width).cosine!)
    const mean = found.reduce((sum, value) => sum + value, 0) / trials
    const deviation = Math.sqrt(found.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (trials - 1))
    const { cosine, pearson } = randomRows(rows, width)
    expect(Math.abs(mean - cosine.mean)).toBeLessThan((4 * cosine.deviation) / Math.sqrt(trials))
    expect(deviation / cosine.deviation).toBeGreaterThan(0.6)
    expect(deviation / cosine.deviation).toBeLessThan(1.4)
    expect(pearson).toEqual(randomRows(rows, width - 1).cosine)
  })

  test('is exact where it is known: 2 / pi on a circle, 1 / 2 on a sphere, 1 on a line', () => {
    expect([2, 3, 1].map((width) => randomRows(4, width).cosine.mean)).toEqual([
      expect.closeTo(2 / Math.PI, 12),
      expect.closeTo(0.5, 12),
      1,
    ])
    expect(randomRows(8, 4096).cosine.mean).toBeCloseTo(Math.sqrt(2 / (Math.PI * 4096)), 5)
  })

  const { mean, deviation } = randomRows(8, 64).pearson
  test.each<readonly [number | null, number | null, number, RouterVerdict]>([
    [mean, mean, 64, 'as random'],
    [mean + 2.9 * deviation, 0, 64, 'as random'],
    [mean - 2.9 * deviation, 0, 64, 'as random'],
    [mean - 3.1 * deviation, 0, 64, 'apart'],
    [mean + 0.09 * (1 - mean), 0, 64, 'as random'],
    [mean + 0.11 * (1 - mean), 0, 64, 'alike'],
    [mean + 0.49 * (1 - mean), 0, 64, 'alike'],
    [mean + 0.51 * (1 - mean), 0, 64, 'collapsed'],
    [1, 1, 64, 'collapsed'],
    [null, 0.99, 64, 'collapsed'],
    [null, null, 64, 'unknown'],
    [1, 0.2, 2, 'unknown'],
    [1, 1, 1, 'unknown'],
  ])('correlation %f and cosine %f of rows of width %i', (pearson, cosine, width, verdict) => {
    expect(routerVerdict({ pearson, cosine }, randomRows(8, width))).toBe(verdict)
  })
})
