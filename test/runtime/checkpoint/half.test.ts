import { expect, test } from 'vitest'
import { dtypeRecord } from '../../../runtime/checkpoint/dtypes.ts'
import { halfBits } from '../../../runtime/checkpoint/half.ts'
import { half } from '../../../compiler/scalar/functions.ts'

const numberOf = (bits: number): number => Number(dtypeRecord('F16').read!(Uint16Array.of(bits).buffer)[0])

test('every number of f16 has its own bits', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = numberOf(bits)
    if (!Number.isNaN(value)) expect(halfBits(value)).toBe(bits)
  }
  expect(numberOf(halfBits(NaN))).toBeNaN()
})

test('other numbers are rounded as the op half rounds them', () => {
  for (const value of [1.0004, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -25, -6.1e-5, 1e-9, 0.1])
    expect(numberOf(halfBits(value))).toBe(half(value))
})
