/** The singular value decomposition in f64: what it must be, whatever the matrix. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dim, symbol } from '../../plan/dim.ts'
import { infer } from '../../compiler/ops/infer.ts'
import { recordOf } from '../../compiler/ops/records.ts'
import type { Surroundings } from '../../compiler/ops/record.ts'
import { EvaluationError } from '../../compiler/ops/tensor.ts'
import { matrix, normal, ofRank, quality, reflection, scaled, unpack, type Matrix } from '../support/matrices.ts'
import { batchOf, eachOf } from '../support/svd.ts'
import { assertProperty } from '../support/property.ts'

const nowhere = {} as Surroundings
const svd = (matrices: readonly Matrix[]): readonly Float64Array[] =>
  eachOf(matrices, recordOf('svd').evaluate([batchOf(matrices)], {}, nowhere).values)

function expectGood(x: Matrix): void {
  const { residual, orthogonality, descends, signed } = quality(x, svd([x])[0])
  expect(residual).toBeLessThan(1e-12)
  expect(orthogonality).toBeLessThan(1e-12)
  expect([descends, signed]).toEqual([true, true])
}

const size = fc.integer({ min: 1, max: 9 })

describe('svd in f64', () => {
  it('gives the matrix back, from orthonormal vectors', () => {
    assertProperty(fc.property(size, size, fc.nat(), (rows, columns, seed) => expectGood(normal(rows, columns, seed))))
  })

  it('has orthonormal vectors where the rank is less', () => {
    assertProperty(
      fc.property(size, size, fc.integer({ min: 0, max: 3 }), fc.nat(), (rows, columns, rank, seed) =>
        expectGood(ofRank(rank, rows, columns, seed)),
      ),
    )
  })

  it('keeps its digits at any scale', () => {
    assertProperty(
      fc.property(size, size, fc.integer({ min: -35, max: 35 }), fc.nat(), (rows, columns, power, seed) =>
        expectGood(scaled(normal(rows, columns, seed), 10 ** power)),
      ),
    )
  })

  it.each([
    ['zero', matrix(4, 6, () => 0)],
    ['ones', matrix(7, 3, () => 1)],
    ['the unit matrix', matrix(5, 5, (i, j) => (i === j ? 1 : 0))],
    ['a reflection', reflection(12, 3)],
    ['a column twice', matrix(6, 4, (i, j) => Math.sin(i * 3 + (j % 2)))],
    ['ten decades', matrix(8, 8, (i, j) => (i === j ? 10 ** -i : i < j ? 10 ** -j : 0))],
    ['large', normal(40, 65, 1)],
  ])('holds for %s', (_, x) => expectGood(x))

  it('knows the values of a matrix made from them', () => {
    const [u, v] = [reflection(6, 1), reflection(4, 2)]
    const values = [3, 3, 0.5, 0]
    const x = matrix(6, 4, (i, j) => values.reduce((sum, s, k) => sum + s * u.values[i * 6 + k] * v.values[k * 4 + j], 0))
    unpack(x, svd([x])[0]).values.forEach((value, k) => expect(value).toBeCloseTo(values[k], 6))
  })

  it('treats each matrix of a batch alone', () => {
    const [a, b] = [normal(3, 5, 1), ofRank(1, 3, 5, 2)]
    expect(svd([a, b, a])).toEqual([svd([a])[0], svd([b])[0], svd([a])[0]])
  })

  it.each([NaN, Infinity, -Infinity])('refuses %d, and says where', (wild) => {
    const x = matrix(2, 3, (i, j) => (i === 1 && j === 2 ? wild : 1))
    expect(() => svd([normal(2, 3, 1), x])).toThrow(EvaluationError)
    expect(() => svd([normal(2, 3, 1), x])).toThrow(`matrix 1 of 2 holds ${wild} in row 1, column 2`)
  })
})

describe('the shape of svd', () => {
  const of = (...shape: (string | number)[]) => infer('svd', [{ shape: shape.map(dim), dtype: 'f32' }], {})

  it.each([
    [[5, 3], [27]],
    [[3, 5], [27]],
    [
      [7, 4, 4],
      [7, 36],
    ],
    [
      ['B', 2, 1, 1],
      ['B', 2, 3],
    ],
    [['D', 'F'], ['D*min(D, F) + F*min(D, F) + min(D, F)']],
    [['D', 'D'], ['2*D*D + D']],
  ])('%j -> %j', (shape, result) => expect(of(...shape)).toEqual({ shape: result.map(dim), dtype: 'f32' }))

  it.each([
    [[3], 'a matrix has 2 axes or more, not [3]'],
    [[3, 0], 'a matrix has a row and a column, not [3, 0]'],
  ])('refuses %j', (shape, error) => expect(of(...shape)).toEqual({ error: `svd: ${error}` }))

  it('refuses whole numbers', () =>
    expect(infer('svd', [{ shape: [symbol('D'), dim(2)], dtype: 'i32' }], {})).toEqual({
      error: 'svd: the matrix is f32, not i32',
    }))
})
