import { expect, test } from 'vitest'
import { relativeDifference, rowAngles } from '../../../analysis/inspect/difference.ts'
import { normVerdict } from '../../../analysis/inspect/norms.ts'

test('angles of rows, those of nearly equal ones too', () => {
  const a = Float64Array.of(1, 0, 0, 2, 1, 1, 0, 0)
  const b = Float64Array.of(3, 3, 0, 2, 1, 1 + 1e-9, 1, 1)
  const [first, second, third, fourth] = rowAngles(a, b, 2)
  expect(first).toBeCloseTo(45, 10)
  expect(second).toBe(0)
  expect(third! / ((0.5e-9 * 180) / Math.PI)).toBeCloseTo(1, 5)
  expect(fourth).toBeNull()
})

test('a difference is relative, and none where both are zero', () => {
  expect([relativeDifference(4, 16), relativeDifference(0, 0), relativeDifference(1, 0)]).toEqual([0.5, 0, Infinity])
})

test('norms have verdicts by the largest over the smallest', () => {
  expect([[1, 1.2], [1, 1.5], [1, 3], [0, 1], [0, 0], []].map(normVerdict)).toEqual([
    'even',
    'uneven',
    'far apart',
    'far apart',
    'unknown',
    'unknown',
  ])
})
