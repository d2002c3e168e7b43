import { expect, test } from 'vitest'
import { cosine, normalised, pool } from '../../../analysis/embed/pool.ts'

const HIDDEN = Float32Array.from([1, 2, -3, 6, 5, 1])

test('tokens are pooled by their mean, first, last or largest values', () => {
  expect([...pool(HIDDEN, 2, 'mean')]).toEqual([1, 3])
  expect([...pool(HIDDEN, 2, 'cls')]).toEqual([1, 2])
  expect([...pool(HIDDEN, 2, 'last')]).toEqual([5, 1])
  expect([...pool(HIDDEN, 2, 'max')]).toEqual([5, 6])
  expect([...pool(HIDDEN, 6, 'mean')]).toEqual([...HIDDEN])
})

test('vectors are compared by their angle', () => {
  expect([...normalised(Float64Array.from([3, 4]))]).toEqual([0.6, 0.8])
  expect([...normalised(new Float64Array(2))]).toEqual([0, 0])
  expect(cosine(Float64Array.from([3, 4]), Float64Array.from([-6, -8]))).toBeCloseTo(-1, 15)
  expect(cosine(Float64Array.from([3, 4]), new Float64Array(2))).toBeNaN()
})
