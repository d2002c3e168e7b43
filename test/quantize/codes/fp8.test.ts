import fc from 'fast-check'
import { expect, test } from 'vitest'
import { floatCode, floatOf, fp8Encoder } from '../../../cli/quantize/codes/fp8.ts'
import { elementCount } from '../../../runtime/tensors.ts'
import { assertProperty } from '../../support/property.ts'
import { readBack } from '../coded.ts'

test('every code is the code of what it means, and numbers between two become the nearer one, or the even one', () => {
  const codes = Array.from({ length: 127 }, (_, code) => code)
  for (const code of codes) {
    expect(floatCode(floatOf(code))).toBe(code)
    if (code > 0) expect(floatCode(-floatOf(code))).toBe(code | 0x80)
  }
  for (const code of codes.slice(0, -1)) {
    const [low, high] = [floatOf(code), floatOf(code + 1)]
    const middle = (low + high) / 2
    expect(floatCode(middle)).toBe(code % 2 === 0 ? code : code + 1)
    expect(floatCode(middle - (high - low) / 16)).toBe(code)
    expect(floatCode(middle + (high - low) / 16)).toBe(code + 1)
  }
  expect([floatCode(448), floatCode(1e9)]).toEqual([126, 126])
})

const SIDE = 128
/** More squares than a matrix of the test has, and in a row of them. */
const [SQUARES, WIDE] = [4, 2]

test('squares have scales of their own, at the edges of matrices too', async () => {
  await assertProperty(
    fc.asyncProperty(
      fc.constantFrom<readonly number[]>([3, 5], [130, 7], [5, 129], [2, 130, 131]),
      fc.integer({ min: 0, max: 1000 }),
      async (shape, seed) => {
        const [rows, columns] = shape.slice(-2)
        const squareOf = (at: number): number =>
          Math.floor(at / (rows * columns)) * SQUARES +
          Math.floor((Math.floor(at / columns) % rows) / SIDE) * WIDE +
          Math.floor((at % columns) / SIDE)
        const values = Float32Array.from(
          { length: elementCount(shape) },
          (_, at) => Math.sin(at * 7.3 + seed) * 10 ** (squareOf(at) - 3),
        )
        const { values: meant, shape: found } = await readBack(fp8Encoder, shape, values)
        expect(found).toEqual(shape)
        const largest = new Float64Array(2 * SQUARES)
        values.forEach((value, at) => void (largest[squareOf(at)] = Math.max(largest[squareOf(at)], Math.abs(value))))
        // half of a step: 2^-4 of a number, and of the smallest normal one below that
        const excess = values.map((value, at) => {
          const bound = Math.max(Math.abs(value), (largest[squareOf(at)] / 448) * 2 ** -6) * 2 ** -4
          return Math.max(0, Math.abs(value - meant[at]) - bound * (1 + 1e-5))
        })
        expect(excess.reduce((a, b) => Math.max(a, b))).toBe(0)
      },
    ),
    8,
  )
})
