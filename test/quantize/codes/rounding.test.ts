import fc from 'fast-check'
import { expect, test } from 'vitest'
import { roundEven, scaleAtLeast, type ScaleType } from '../../../cli/quantize/codes/rounding.ts'
import { assertProperty } from '../../support/property.ts'

test('of two integers as near the even one is taken', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49, 0.51, 3].map((value) => roundEven(value) + 0)).toEqual([
    0, 2, 2, 0, -2, -2, 0, 1, 3,
  ])
})

/** The share of a number that a step of its dtype is, at most. */
const STEP: { readonly [T in ScaleType]: number } = { F32: 2 ** -23, BF16: 2 ** -7, F16: 2 ** -10 }

test('a scale is the next number of its dtype that is not smaller', () => {
  assertProperty(
    fc.property(
      fc.constantFrom<ScaleType>('F32', 'BF16', 'F16'),
      fc.double({ min: 2 ** -14, max: 60000, noNaN: true }),
      (dtype, value) => {
        const scale = scaleAtLeast(value, dtype)
        expect(scale).toBeGreaterThanOrEqual(value)
        expect(scale).toBeLessThanOrEqual(value * (1 + STEP[dtype]))
        expect(scaleAtLeast(scale, dtype)).toBe(scale)
      },
    ),
    300,
  )
})

test('a scale is above 0 where a number is, and carries over bytes', () => {
  expect(scaleAtLeast(1e-60, 'F32')).toBe(2 ** -149)
  expect(scaleAtLeast(1e-60, 'F16')).toBe(2 ** -24)
  expect(scaleAtLeast(1 + 2 ** -9, 'BF16')).toBe(1 + 2 ** -7)
  expect(scaleAtLeast(255.0001, 'BF16')).toBe(256)
  expect(scaleAtLeast(1.99999, 'F16')).toBe(2)
  expect(scaleAtLeast(70000, 'F16')).toBe(Infinity)
})
