import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockExponent, mxfp4Encoder } from '../../../cli/quantize/codes/mxfp4.ts'
import { assertProperty } from '../../support/property.ts'
import { readBack } from '../coded.ts'
import { samples } from '../numbers.ts'

const SIZES = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
const BLOCK = 32

/** To the nearest number of e2m1 times the scale. */
const distance = (value: number, scale: number): number =>
  Math.min(...SIZES.map((size) => Math.abs(Math.abs(value) - size * scale)))

test('each number becomes the nearest of its block, and the block has the better of two exponents', async () => {
  await assertProperty(
    fc.asyncProperty(samples(fc.constantFrom(32, 64, 96)), async ({ shape, values: drawn }) => {
      // smaller ones are below the least scale
      const values = drawn.map((value) => (Math.abs(value) < 1e-30 ? 0 : value))
      const { values: meant, shape: found } = await readBack(mxfp4Encoder, shape, values)
      expect(found).toEqual(shape)
      for (let from = 0; from < values.length; from += BLOCK) {
        const block = values.subarray(from, from + BLOCK)
        const exponent = blockExponent(values, from)
        const errorOf = (e: number): number => block.reduce((sum, value) => sum + distance(value, 2 ** e) ** 2, 0)
        const own = block.reduce((sum, value, at) => sum + (value - meant[from + at]) ** 2, 0)
        expect(own).toBe(errorOf(exponent))
        if (block.every((value) => value === 0)) continue
        for (const other of [exponent - 1, exponent + 1]) expect(own).toBeLessThanOrEqual(errorOf(other) * (1 + 1e-12))
      }
    }),
    30,
  )
})

test('of two as near the even code is taken, and what MXFP4 holds is kept', async () => {
  const codes = [6, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, -0.25, -0.75, -5, 0]
  const values = Float32Array.from({ length: BLOCK }, (_, at) => codes[at] ?? SIZES[at % 8])
  const { values: meant } = await readBack(mxfp4Encoder, [1, BLOCK], values)
  expect([...meant].slice(0, codes.length)).toEqual([6, 0, 1, 1, 2, 2, 4, 4, -0, -1, -4, 0])
  expect([...meant].slice(codes.length)).toEqual([...values].slice(codes.length))
})
