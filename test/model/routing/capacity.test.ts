/** Capacities as exact shares, and when a capacity keeps the promise that no slot is dropped. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fraction, isCountable, shareOf } from '../../../compiler/model/routing/capacity.ts'
import { checkSource } from '../../support/check.ts'
import { decide, mostOf } from '../../support/routed/law.ts'
import { textOf, type Layer, type Limit } from '../../support/routed/layer.ts'
import { KINDS, scoresOf, type Kind } from '../../support/routed/tokens.ts'
import { assertProperty } from '../../support/property.ts'
import { inRun, MORE_IN_LONG } from '../../support/runs.ts'

test('numbers as fractions', () => {
  expect([1.25, 3, 0.1, 1e-7, 2.5e21].map(fraction)).toEqual([
    [5, 4],
    [3, 1],
    [1, 10],
    [1, 10000000],
    [2.5e21, 1],
  ])
})

/** Decimals as they are written. */
const factors = fc
  .tuple(fc.integer({ min: 1, max: 4000 }), fc.constantFrom(1, 10, 100, 1000))
  .map(([digits, below]) => String(digits / below))
const sizes = (most: number): fc.Arbitrary<{ E: number; k: number }> =>
  fc.integer({ min: 1, max: most }).chain((E) => fc.record({ E: fc.constant(E), k: fc.integer({ min: 1, max: E }) }))

test('a share of T tokens is ceil(F T k / E), and never below T where there is none', () =>
  assertProperty(
    fc.property(factors, sizes(512), fc.integer({ min: 0, max: 2 ** 20 }), (factor, { E, k }, T) => {
      const [share, most] = [shareOf(Number(factor), k, E), mostOf({ kind: 'capacity', factor, overflow: 'drop' }, { T, E, k })]
      if (share === null) expect(most).toBeGreaterThanOrEqual(T)
      else
        expect(Number((BigInt(share.numerator) * BigInt(T) + BigInt(share.denominator) - 1n) / BigInt(share.denominator))).toBe(
          most,
        )
    }),
    500,
  ))

test('what counts as countable stays within 32 bits', () =>
  assertProperty(
    fc.property(factors, sizes(512), (factor, { E, k }) => {
      const share = shareOf(Number(factor), k, E)
      fc.pre(share !== null && isCountable(share))
      expect(share!.numerator * 2 ** 20 + share!.denominator - 1).toBeLessThan(2 ** 32)
    }),
  ))

test('two decimals are always countable where a token has up to 8 of up to 512 experts', () => {
  const shares = Array.from({ length: 400 }, (_, digits) =>
    [1, 2, 3, 4, 5, 6, 7, 8].flatMap((k) => [8, 60, 64, 128, 257, 512].map((E) => shareOf((digits + 1) / 100, k, E))),
  )
  expect(shares.flat().filter((share) => share !== null && !isCountable(share))).toEqual([])
})

const limits = fc
  .tuple(
    fc.constantFrom('0.9', '1', '1.05', '1.1', '1.2', '1.25', '1.34', '1.5', '1.75', '2', '2.5', '3', '4'),
    fc.constantFrom('drop', 'next'),
  )
  .map(([factor, overflow]): Limit => ({ kind: 'capacity', factor, overflow }) as Limit)
const groupings = ({ E, k }: { E: number; k: number }) =>
  [
    [2, 1],
    [3, 2],
    [4, 2],
  ].flatMap(([count, keep]) => (E % count === 0 && keep * E >= k * count ? [{ count, keep }] : []))
const layers: fc.Arbitrary<Layer> = sizes(8).chain((size) =>
  fc
    .record({
      limit: limits,
      groups: fc.option(fc.constantFrom(undefined, ...groupings(size)), { nil: undefined }),
      word: fc.constantFrom('dropless', `each token ${size.k} experts`),
    })
    .map(({ limit, groups, word }) => ({
      ...size,
      features: 1,
      F: 1,
      rules: { limit, words: [word], ...(groups === undefined ? {} : { groups }) },
    })),
)

test('a promise to answer every slot is accepted only beside capacities that keep it', MORE_IN_LONG, () =>
  assertProperty(
    fc.property(layers, fc.nat(), (layer, seed) => {
      const { model } = checkSource({ path: 'test/model/spec.smoe', text: textOf(layer) })
      fc.pre(model !== null)
      const problems = Array.from({ length: 16 }, (_, t) =>
        (Object.keys(KINDS) as Kind[]).map((kind) => ({ kind, T: t + 1, seed: seed + t })),
      )
      expect(problems.flat().find((problem) => decide(scoresOf(problem, layer), layer).ids.flat().includes(-1))).toBe(undefined)
    }),
    inRun({ short: 40, long: 120, whole: 120 }),
  ),
)
