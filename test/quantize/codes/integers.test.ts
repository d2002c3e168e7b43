import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { relativeRms } from '../../../cli/quantize/codes/error.ts'
import { fitGroup, integerEncoder, type IntegerScheme } from '../../../cli/quantize/codes/integers.ts'
import { assertProperty } from '../../support/property.ts'
import { readBack } from '../coded.ts'
import { samples } from '../numbers.ts'

const scheme = fc.record<IntegerScheme>({
  bits: fc.constantFrom(4, 8),
  hasZero: fc.boolean(),
  group: fc.constantFrom(32, 64, 128),
  scales: fc.constantFrom('F32', 'BF16', 'F16'),
  searches: fc.boolean(),
})

/** Products of codes and scales are rounded to f32. */
const rounding = (value: number): number => Math.abs(value) * 2 ** -22 + 2 ** -149

const expectNear = (found: number, wanted: number): void =>
  expect(Math.abs(found - wanted)).toBeLessThanOrEqual(1e-9 * Math.abs(wanted))

describe('codes that are read back', () => {
  test('are no further from their numbers than half a scale, in rows and groups of any length', async () => {
    await assertProperty(
      fc.asyncProperty(samples(fc.integer({ min: 5, max: 150 })), scheme, async ({ shape, values }, given) => {
        const own = { ...given, searches: false }
        const { values: meant, error, shape: found } = await readBack(integerEncoder(own), shape, values)
        expect(found).toEqual(shape)
        const columns = shape.at(-1)!
        let [most, squares, excess] = [0, 0, 0]
        for (let from = 0; from < values.length; from += columns)
          for (let first = from; first < from + columns; first += own.group) {
            const end = Math.min(first + own.group, from + columns)
            const { scale } = fitGroup(values, first, end, own)
            for (let at = first; at < end; at++) {
              const difference = Math.abs(values[at] - meant[at])
              excess = Math.max(excess, difference - scale / 2 - rounding(values[at]))
              most = Math.max(most, difference)
              squares += difference ** 2
            }
          }
        expect(excess).toBe(0)
        expect(error.count).toBe(values.length)
        expect(error.most).toBe(most)
        expectNear(error.squares, squares)
      }),
      40,
    )
  })

  test('are their numbers, where these are products of a scale and codes', async () => {
    await assertProperty(
      fc.asyncProperty(
        fc.constantFrom<4 | 8>(4, 8),
        fc.boolean(),
        fc.array(fc.integer({ min: -8, max: 7 }), { minLength: 5, maxLength: 100 }),
        fc.integer({ min: -60, max: 60 }),
        async (bits, hasZero, codes, exponent) => {
          // the whole range is there, so that the scale is known
          const ends = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
          const whole = bits === 4 ? codes : codes.map((code) => code * 16 + 15)
          const values = Float32Array.from([...ends, ...whole], (code) => code * 2 ** exponent)
          const encoder = integerEncoder({ bits, hasZero, group: 128, scales: 'BF16', searches: false })
          const { values: meant, error } = await readBack(encoder, [1, values.length], values)
          expect(meant.map(Math.abs)).toEqual(values.map(Math.abs))
          expect(relativeRms(error)).toBe(0)
        },
      ),
      40,
    )
  })

  test('have no larger error where scales are searched', async () => {
    await assertProperty(
      fc.asyncProperty(samples(fc.integer({ min: 5, max: 80 })), scheme, async ({ shape, values }, given) => {
        const [plain, searched] = [false, true].map((searches) => integerEncoder({ ...given, searches }))
        const [one, other] = [await readBack(plain, shape, values), await readBack(searched, shape, values)]
        expect(other.error.squares).toBeLessThanOrEqual(one.error.squares * (1 + 1e-12))
        const meant = other.values.reduce((sum, value, at) => sum + (value - values[at]) ** 2, 0)
        expectNear(other.error.squares, meant)
      }),
      20,
    )
  })
})

test('a search finds a smaller error where one number is far from the others', () => {
  const values = Float32Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0.5 * Math.sin(at)))
  const [plain, searched] = [false, true].map((searches) =>
    integerEncoder({ bits: 4, hasZero: false, group: 32, scales: 'F32', searches }).encode({ shape: [1, 32], values }),
  )
  expect(searched.error.squares).toBeLessThan(0.9 * plain.error.squares)
})

test('a group of zeros means zeros, with a scale that is a number', () => {
  for (const hasZero of [false, true])
    expect(fitGroup(new Float32Array(4), 0, 4, { bits: 4, hasZero, group: 32, scales: 'F16', searches: true })).toEqual({
      scale: 1,
      zero: hasZero ? 0 : 8,
    })
})

test('the largest number of either sign has the last code of its side', () => {
  const fit = (values: readonly number[]): number =>
    fitGroup(Float32Array.from(values), 0, values.length, {
      bits: 4,
      hasZero: false,
      group: 32,
      scales: 'F32',
      searches: false,
    }).scale
  expect([fit([-8, 1]), fit([-1, 7]), fit([-8, 14])]).toEqual([1, 1, 2])
})
