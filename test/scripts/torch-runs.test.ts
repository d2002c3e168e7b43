import { expect, test } from 'vitest'
import { largest, risingTokens } from '../../scripts/torch/runs.ts'

test('numbers that are missing differ without end', () => {
  expect([largest([1, 2], [1, 4]), largest([], []), largest([1], [])]).toEqual([2, 0, Infinity])
})

test('tokens are those of the vocabulary of the spec', () => {
  expect(Math.max(...risingTokens(100))).toBeLessThan(40)
})
