import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { load } from '../../../runtime/routing/load.ts'
import { loadCollapse, randomEntropy, type LoadVerdict } from '../../../runtime/routing/load-collapse.ts'
import { logGamma } from '../../../runtime/routing/log-gamma.ts'
import { createRandom } from '../../../cli/random.ts'
import { anyLayer } from './layers.ts'
import { assertProperty } from '../../support/property.ts'

const of = (counts: readonly number[], tokens: number) =>
  loadCollapse({ counts, kept: counts.reduce((sum, count) => sum + count, 0), dropped: 0 }, tokens)

test('the logarithm of gamma', () => {
  let product = 1
  for (let n = 1; n < 20; n++) {
    expect(logGamma(n)).toBeCloseTo(Math.log(product), 12)
    product *= n
  }
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 12)
})

/** The mean entropy of the load of tokens that choose k of E experts at random. */
function simulated(experts: number, tokens: number, k: number, trials: number): number {
  const random = createRandom(7)
  let sum = 0
  for (let trial = 0; trial < trials; trial++) {
    const counts = new Array<number>(experts).fill(0)
    for (let token = 0; token < tokens; token++) {
      const left = Array.from({ length: experts }, (_, at) => at)
      for (let slot = 0; slot < k; slot++) counts[left.splice(Math.floor(random() * left.length), 1)[0]]++
    }
    for (const count of counts) if (count > 0) sum -= (count / (tokens * k)) * Math.log(count / (tokens * k))
  }
  return sum / trials
}

test.each([
  [8, 48, 2],
  [4, 3, 1],
  [16, 20, 4],
  [64, 10, 2],
  [2, 100, 1],
])('random choices of %i experts by %i tokens, %i each, have the entropy of a simulation', (experts, tokens, k) => {
  expect(randomEntropy(experts, tokens, k)).toBeCloseTo(simulated(experts, tokens, k, 4000), 2)
})

test('random choices at the ends: one token, all experts, and very many tokens', () => {
  expect(randomEntropy(8, 1, 2)).toBeCloseTo(Math.log(2), 12)
  expect(randomEntropy(8, 5, 8)).toBe(Math.log(8))
  expect(randomEntropy(256, 1e7, 8)).toBeCloseTo(Math.log(256), 4)
  // one expert of two in 2 tokens: together in a half of the cases
  expect(randomEntropy(2, 2, 1)).toBeCloseTo(Math.log(2) / 2, 12)
})

describe('verdicts, and near misses of them', () => {
  test.each<readonly [string, readonly number[], number, LoadVerdict]>([
    ['an even load', [25, 25, 25, 25], 50, 'spread'],
    ['a load such as chance makes', [28, 22, 26, 24], 50, 'spread'],
    ['one expert with a half of the slots', [50, 20, 15, 15], 50, 'uneven'],
    ['all tokens at the same two experts', [50, 50, 0, 0], 50, 'collapsed'],
    ['nearly all', [49, 48, 2, 1], 50, 'collapsed'],
    ['many at two of four', [40, 40, 10, 10], 50, 'uneven'],
    ['all tokens at one of two', [16, 0], 16, 'collapsed'],
    ['the same of a token less', [15, 0], 15, 'unknown'],
    ['all experts for all tokens: there is no choice', [50, 50], 50, 'unknown'],
    ['one expert', [50], 50, 'unknown'],
    ['nothing answered', [0, 0], 50, 'unknown'],
    ['no token', [0, 0], 0, 'unknown'],
    ['64 experts, four of which answer', [25, 25, 25, 25, ...new Array<number>(60).fill(0)], 50, 'collapsed'],
    ['64 experts, 50 tokens, an expert each', [...new Array<number>(50).fill(1), ...new Array<number>(14).fill(0)], 50, 'spread'],
  ])('%s', (_, counts, tokens, verdict) => expect(of(counts, tokens).verdict).toBe(verdict))

  test('the busiest experts are as many as a token has', () => {
    expect(of([50, 30, 20, 0], 50)).toMatchObject({ busiest: { experts: 2, share: 0.8 } })
    expect(of([50, 50, 0, 0], 50)).toMatchObject({ effective: expect.closeTo(2, 12), level: 1 })
  })
})

test('of any layer, with dropped slots or without: 1 to E experts, and a level from 0 to 1', () => {
  assertProperty(
    fc.property(anyLayer, (layer) => {
      const loads = load(layer)
      const { effective, random, level, busiest } = loadCollapse(loads, layer.tokens)
      if (loads.kept === 0) return effective === null && level === null
      const isIn = (value: number | null, low: number, high: number): boolean =>
        value !== null && value >= low - 1e-9 && value <= high + 1e-9
      return (
        isIn(effective, 1, layer.experts) &&
        isIn(random, 1, layer.experts) &&
        (level === null || isIn(level, 0, 1)) &&
        isIn(busiest!.share, 0, 1)
      )
    }),
  )
})
