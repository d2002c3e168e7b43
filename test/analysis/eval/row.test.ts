import { expect, test } from 'vitest'
import { best, divergence, logSum, surprise, type Row } from '../../../analysis/eval/row.ts'

const row = (...logits: readonly number[]): Row => ({ logits: Float32Array.of(9, ...logits, 9), at: 1, width: logits.length })

test('a row is a distribution, however large its logits are', () => {
  expect(logSum(row(0, 0, 0, 0))).toBeCloseTo(Math.log(4), 14)
  expect(logSum(row(1e30, 0))).toBeCloseTo(Math.fround(1e30), 14)
  expect(surprise(row(-1e4, 0), 0)).toBeCloseTo(1e4, 10)
  const p = row(0.5, -1, 2).logits
  const total = [1, 2, 3].reduce((sum, at) => sum + Math.exp(-surprise({ logits: p, at: 1, width: 3 }, at - 1)), 0)
  expect(total).toBeCloseTo(1, 14)
})

test('the best of equal ones is the first', () => {
  expect(best(row(1, 3, 3))).toBe(1)
})

test('the divergence is none of a row from itself, and that of the definition', () => {
  expect(divergence(row(1, 2, 3), row(1, 2, 3))).toBe(0)
  // p = (1/2, 1/2), q = (1/4, 3/4)
  expect(divergence(row(0, 0), row(0, Math.log(3)))).toBeCloseTo(0.5 * Math.log(4 / 3), 7)
})

test('what is not finite has no sum', () => {
  expect([row(NaN, NaN), row(Infinity, 0), row(-Infinity, -Infinity)].map((one) => logSum(one))).toEqual([NaN, NaN, NaN])
  expect(surprise(row(NaN, 0), 1)).toBeNaN()
})
