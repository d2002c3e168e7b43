import { expect, test } from 'vitest'
import { dtypeRecord } from '../../../runtime/checkpoint/dtypes.ts'
import { brainBits, brainBytes, halfBits, halfBytes } from '../../../runtime/checkpoint/half.ts'
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

test('numbers become bf16 together as one by one', () => {
  const words = [0x3f800000, 0x3f808000, 0x3f818000, 0x7f7f7fff, 0x7f7f8000, 0x7f800000, 0x80000001, 0xff812345, 0x7fffffff]
  const values = new Float32Array(Uint32Array.from(words).buffer)
  const bits = new Uint16Array(brainBytes(values).buffer)
  expect([...bits].map((one) => one & 0x7fff)).toEqual([...values].map((value) => brainBits(value) & 0x7fff))
})

test('many numbers at a time become the bits that each becomes alone', () => {
  // each number of f16, the middle between it and the next, and what is beside both
  const words = Uint32Array.from({ length: 6 * 0x10000 }, (_, at) => {
    const bits = Math.floor(at / 6)
    const [word] = new Uint32Array(Float32Array.of(numberOf(bits)).buffer)
    return word + [0, 1, -1, 0x1000, 0x1001, 0xfff][at % 6]
  })
  const values = new Float32Array(words.buffer)
  const found = new Uint16Array(halfBytes(values).buffer)
  expect(found.findIndex((bits, at) => bits !== halfBits(values[at]))).toBe(-1)
})
