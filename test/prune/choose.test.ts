import { expect, test } from 'vitest'
import { chooseKept, keptCount } from '../../cli/prune/choose.ts'

test('a share keeps what is left when the number that goes is rounded down', () => {
  expect([keptCount('6', 8), keptCount('75%', 8), keptCount('75%', 5), keptCount('70%', 10), keptCount('99.9%', 2000)]).toEqual([
    6, 6, 4, 7, 1998,
  ])
  for (const wrong of ['0', '0%', '2.5', '-1', 'x', ''])
    expect(() => keptCount(wrong, 8), wrong).toThrow('is not a number of experts')
  for (const all of ['8', '100%', '99%']) expect(() => keptCount(all, 8), all).toThrow('none would go')
  expect(() => keptCount('9', 8)).toThrow("'9' is more than the 8 experts of a layer")
  expect(keptCount('8', 8, 'all')).toBe(8)
})

test('the best stay, of equals the earlier ones, by either end of the scores', () => {
  const scores = Float64Array.of(1, 3, 3, 2, 1)
  expect(chooseKept(scores, 2, 1, true)).toEqual([1, 2])
  expect(chooseKept(scores, 4, 1, true)).toEqual([0, 1, 2, 3])
  expect(chooseKept(scores, 1, 1, false)).toEqual([0])
})

test('each group keeps as many', () => {
  const scores = Float64Array.of(9, 8, 7, 6, 1, 2, 3, 4)
  expect(chooseKept(scores, 4, 2, true)).toEqual([0, 1, 6, 7])
  expect(() => chooseKept(scores, 5, 2, true)).toThrow('5 experts cannot be kept in 2 groups of one size')
})

test('a score that is not finite is refused', () => {
  expect(() => chooseKept(Float64Array.of(1, NaN), 1, 1, true)).toThrow('the score of expert 1 is NaN')
})
