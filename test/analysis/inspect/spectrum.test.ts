import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eigenvalues } from '../../../analysis/inspect/eigenvalues.ts'
import { effectiveRank, randomRank, rankVerdict, singularValues } from '../../../analysis/inspect/spectrum.ts'
import { decompose } from '../../../compiler/ops/jacobi.ts'
import { assertProperty } from '../../support/property.ts'
import { createRandom, normal } from '../../../cli/random.ts'

const matrixOf = (rows: number, columns: number, seed: number): Float32Array => {
  const random = createRandom(seed)
  return Float32Array.from({ length: rows * columns }, () => normal(random, 1))
}

describe('singular values', () => {
  test('are those of one-sided Jacobi rotations, whatever the shape', () => {
    assertProperty(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.nat(), (rows, columns, seed) => {
        const matrix = matrixOf(rows, columns, seed)
        const [short, long] = rows <= columns ? [rows, columns] : [columns, rows]
        const entry = (i: number, j: number): number => (rows <= columns ? matrix[i * columns + j] : matrix[j * columns + i])
        const { values } = decompose(
          Array.from({ length: short }, (_, i) => Float64Array.from({ length: long }, (__, j) => entry(i, j))),
        )
        const found = singularValues(matrix, rows, columns)
        expect(found.length).toBe(values.length)
        found.forEach((value, at) => expect(Math.abs(value - values[at])).toBeLessThan(1e-6 * values[0]))
      }),
    )
  })

  test('of a matrix of one vector are its norm and zeros', () => {
    const matrix = Float32Array.from([1, 2, 2, 2, 4, 4])
    const [first, second] = singularValues(matrix, 2, 3)
    expect(first).toBeCloseTo(Math.sqrt(45), 6)
    expect(second).toBeLessThan(1e-6)
    expect([...singularValues(new Float32Array(4), 2, 2)]).toEqual([0, 0])
  })
})

test('eigenvalues of a matrix with equal ones, and of one that is diagonal', () => {
  expect([...eigenvalues(Float64Array.of(2, 0, 0, 0, 2, 0, 0, 0, -1), 3)]).toEqual([2, 2, -1])
  const ones = eigenvalues(new Float64Array(25).fill(1), 5)
  expect(ones[0]).toBeCloseTo(5, 12)
  expect(ones.subarray(1).every((value) => Math.abs(value) < 1e-14)).toBe(true)
})

describe('the effective rank', () => {
  test('is the number of equal values, and null for zeros', () => {
    expect(effectiveRank([3, 3, 3, 0])).toBeCloseTo(3, 12)
    expect(effectiveRank([1])).toBe(1)
    expect(effectiveRank([0, 0])).toBeNull()
  })

  test.each([
    [60, 60],
    [40, 120],
    [120, 40],
  ])('of a random matrix of %i by %i is near that of the limit', (rows, columns) => {
    const found = effectiveRank(singularValues(matrixOf(rows, columns, 7), rows, columns))!
    expect(Math.abs(found / randomRank(rows, columns) - 1)).toBeLessThan(0.02)
    expect(rankVerdict(found, randomRank(rows, columns))).toBe('as random')
  })

  test('has its verdicts', () => {
    expect([rankVerdict(10, 10), rankVerdict(8, 10), rankVerdict(4, 10), rankVerdict(null, 10)]).toEqual([
      'as random',
      'low',
      'collapsed',
      'unknown',
    ])
  })
})
