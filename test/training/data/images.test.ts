import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { imageData } from '../../../training/data/images.ts'

test('digits: 64 pixels and the label', () => {
  const text = readFileSync('test/fixtures/training/digits.csv', 'utf8')
  const { count, fields, columns, places } = imageData(text, 'digits.csv')
  expect(count).toBe(60)
  expect(fields).toEqual([{ name: 'pixels', dtype: 'f32', shape: [64] }, { name: 'labels', dtype: 'i32', shape: [] }])
  const rows = text.trim().split('\n').map((line) => line.split(',').map(Number))
  expect([...columns.pixels]).toEqual(rows.flatMap((row) => row.slice(0, 64)))
  expect([...columns.labels]).toEqual(rows.map((row) => row[64]))
  expect([...places]).toEqual(rows.map((_, at) => at + 1))
})

test('a heading, CR LF, spaces and an end without a line feed are read over', () => {
  const { columns, places } = imageData('a,b,label\r\n 1, -2.5e1 ,3\r\n.5,+4,0', 'a.csv')
  expect([...columns.pixels]).toEqual([1, -25, 0.5, 4])
  expect([...columns.labels]).toEqual([3, 0])
  expect([...places]).toEqual([2, 3])
})

test.each([
  ['1,2,3\n1,2\n', 'a.csv:2: has 2 columns, line 1 has 3'],
  ['1,2,3\n1,2,3,4\n', 'a.csv:2: has 4 columns, line 1 has 3'],
  ['1,2,3\n1,x,3\n', 'a.csv:2: column 2 is "x", no number'],
  ['1,2,3\n1,0x10,3\n', 'a.csv:2: column 2 is "0x10", no number'],
  ['1,2,3\n1,"2",3\n', 'a.csv:2: column 2 is "\\"2\\"", no number'],
  ['1,2,3\n1,,3\n', 'a.csv:2: column 2 is empty'],
  ['1,2,3\nNaN,2,3\n', 'a.csv:2: column 1 is NaN, which is not finite in f32'],
  ['nan,2,3\n', 'a.csv:1: column 1 is nan, which is not finite in f32'],
  ['1,2,3\n1,-inf,3\n', 'a.csv:2: column 2 is -inf, which is not finite in f32'],
  ['1,2,3\n1,1e39,3\n', 'a.csv:2: column 2 is 1e39, which is not finite in f32'],
  ['1,2,3\n1,1e999,3\n', 'a.csv:2: column 2 is 1e999, which is not finite in f32'],
  ['1,2,3\n\n1,2,3\n', 'a.csv:2: is empty'],
  ['1,2,3\n1,2,3.5\n', 'a.csv:2: the label in column 3 is 3.5, not a whole number from 0 on'],
  ['1,2,-1\n', 'a.csv:1: the label in column 3 is -1, not a whole number from 0 on'],
  ['1\n2\n', 'a.csv:1: has one column; a row is pixels and then the label'],
  ['', 'a.csv: has no rows'],
  ['a,b\n', 'a.csv: has no rows'],
  ['1,b\n2,3', 'a.csv:1: column 2 is "b", no number'],
])('%j is refused', (text, message) => {
  expect(() => imageData(text, 'a.csv')).toThrow(message)
})
