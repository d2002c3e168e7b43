import { expect, test } from 'vitest'
import { checkFinite, describeRows, findNonFinite } from '../../runtime/finite.ts'
import { NotFiniteError } from '../../runtime/index.ts'

const rows = (...values: readonly number[]) => ({ shape: [values.length / 2, 2], data: Float32Array.from(values) })

test('rows run along the last axis; whole numbers are finite', () => {
  const found = findNonFinite({
    a: rows(1, 2, NaN, Infinity, 5, -Infinity),
    b: rows(1, 2),
    c: { shape: [1], data: Int32Array.of(7) },
    d: { shape: [], data: Float64Array.of(NaN) },
  })
  expect(found).toEqual([
    { name: 'a', count: 3, elements: 6, first: 2, rows: [1, 2], rowShape: [3] },
    { name: 'd', count: 1, elements: 1, first: 0, rows: [0], rowShape: [] },
  ])
  expect(
    findNonFinite({ none: { shape: [0, 4], data: new Float32Array(0) }, empty: { shape: [4, 0], data: new Float32Array(0) } }),
  ).toEqual([])
})

test.each([
  [[3], [17], 'row 3 of 17'],
  [[3, 11], [17], 'rows 3 and 11 of 17'],
  [[1, 2, 3], [9], 'rows 1, 2 and 3 of 9'],
  [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [11], 'rows 0, 1, 2, 3, 4, 5, 6, 7 and 2 more of 11'],
  [[5], [2, 3], 'row [1, 2] of 6'],
  [[0, 1], [2], 'all 2 rows'],
  [[0], [1], 'the only row'],
  [[0], [], 'the only row'],
])('the rows %j of %j are %s', (found, rowShape, words) => expect(describeRows({ rows: found, rowShape })).toBe(words))

test('the error tells the rows as data', () => {
  expect(() => checkFinite({ y: rows(1, 2, NaN, 4) })).toThrow(NotFiniteError)
  expect(() => checkFinite({ y: rows(1, 2, NaN, 4) })).toThrow(
    expect.objectContaining({
      output: 'y',
      count: 1,
      rows: [1],
      message: 'output y: 1 of 4 values are not finite, the first at 2, in row 1 of 2',
    }),
  )
})
