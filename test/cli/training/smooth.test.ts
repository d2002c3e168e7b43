import { expect, test } from 'vitest'
import { smooth } from '../../../cli/training/page/client/smooth.ts'
import { nearest, stepTicks, ticks } from '../../../cli/training/page/client/axes.ts'
import { compact, precise, tickWords, time } from '../../../cli/training/page/client/numbers.ts'

test('a straight line stays one, ends and gaps included', () => {
  const line = Array.from({ length: 40 }, (_, at) => (at % 7 === 3 ? null : 3 - 0.5 * at))
  for (const [at, value] of smooth(line, 3).entries()) {
    if (line[at] === null) expect(value).toBeNull()
    else expect(value).toBeCloseTo(line[at], 9)
  }
  expect(smooth([2], 3)).toEqual([2])
  expect(smooth([], 3)).toEqual([])
  expect(smooth([null, 5, null], 2)).toEqual([null, 5, null])
})

test('noise is less than it was', () => {
  const noisy = Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? 1 : -1))
  for (const value of smooth(noisy, 3)) expect(Math.abs(value!)).toBeLessThan(0.6)
})

test('marks of an axis are round and tell each other apart', () => {
  expect(ticks(0, 1, 4)).toEqual([0, 0.25, 0.5, 0.75, 1])
  expect(ticks(1.2, 4.3, 3)).toEqual([2, 4])
  expect(ticks(5, 5, 3)).toEqual([5])
  expect(stepTicks(3, 1000)).toEqual([0, 1, 2, 3])
  const words = (low: number, high: number): string[] => ticks(low, high, 4).map((value, _, all) => tickWords(value, all))
  expect(words(0, 1)).toEqual(['0', '0.25', '0.50', '0.75', '1.00'])
  expect(words(-1, 1)).toEqual(['−1.0', '−0.5', '0', '0.5', '1.0'])
  expect(words(0, 3e-4)).toEqual(['0', '1e−4', '2e−4', '3e−4'])
  expect(words(0, 11_000)).toEqual(['0', '5\u202f000', '10\u202f000'])
})

test('numbers for readers', () => {
  expect([0, 1.23456, 12345.6, -0.000312, 5e-7, null].map(compact)).toEqual(['0', '1.23', '12\u202f346', '−3.12e−4', '5e−7', '–'])
  expect([1.5, 0.0012, 12_345].map(precise)).toEqual(['1.500', '0.0012', '12\u202f345'])
  expect([0.25, 42, 127, 3725].map(time)).toEqual(['0.3 s', '42 s', '2 min 07 s', '1 h 02 min'])
})

test('the nearest of some steps', () => {
  const steps = [1, 4, 9]
  expect([-5, 1, 2, 3, 6, 7, 100].map((step) => steps[nearest(steps, step)])).toEqual([1, 1, 1, 4, 4, 9, 9])
  expect(nearest([7], 3)).toBe(0)
})
