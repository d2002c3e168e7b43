import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { TableOptions } from '../../../training/data/csv.ts'
import { imageData } from '../../../training/data/images.ts'

test('digits: 64 pixels and the label', () => {
  const text = readFileSync('test/fixtures/training/digits.csv', 'utf8')
  const { count, fields, columns, places } = imageData(text, 'digits.csv')
  expect(count).toBe(60)
  expect(fields).toEqual([
    { name: 'pixels', dtype: 'f32', shape: [64] },
    { name: 'labels', dtype: 'i32', shape: [], column: 65, isAssumed: true },
  ])
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number))
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

const numbersOf = (text: string, options?: TableOptions): readonly [readonly number[], readonly number[]] => {
  const { columns } = imageData(text, 'a.csv', options)
  return [[...columns.pixels], [...columns.labels]]
}

test.each([
  ['first', 'label,1x1,1x2\n7,0,255\n3,9,8', 1, 'label'],
  ['between', '1x1,Class,1x2\n0,7,255\n9,3,8', 2, 'Class'],
  ['in quotes', '"1x1","target","1x2"\n"0","7","255"\n"9","3","8"', 2, 'target'],
  ['of several words', 'a,b,class_id\n0,255,7\n9,8,3', 3, 'class_id'],
  ['as y', 'y,x1,x2\n7,0,255\n3,9,8', 1, 'y'],
  ['as label beside y', 'x,y,label\n0,255,7\n9,8,3', 3, 'label'],
  ['over numbers', 'LABEL,0,1\n7,0,255\n3,9,8', 1, 'LABEL'],
])('a heading that names the label is believed: %s', (_, text, column, heading) => {
  expect(numbersOf(text)).toEqual([
    [0, 255, 9, 8],
    [7, 3],
  ])
  expect(imageData(text, 'a.csv').notes).toEqual([`a.csv: labels are column ${column}, '${heading}'`])
})

test('the column of the label is named by its heading or its number', () => {
  const text = 'a,b,c\n7,0,255\n3,9,8'
  for (const label of ['a', 'A', '1'])
    expect(numbersOf(text, { label })).toEqual([
      [0, 255, 9, 8],
      [7, 3],
    ])
  expect(numbersOf('7,0,255\n3,9,8', { label: '1' })).toEqual([
    [0, 255, 9, 8],
    [7, 3],
  ])
  expect(imageData(text, 'a.csv').notes).toEqual(["a.csv: labels are column 3, 'c', the last"])
  // a number counts columns, also where it is a heading
  expect(numbersOf('0,1,2\n7,0,255\n3,9,8', { label: '1' })).toEqual([
    [0, 255, 9, 8],
    [7, 3],
  ])
})

test('columns that are left out may hold anything', () => {
  const text = 'file,a,b,label\none.png,1,2,7\ntwo.png,3,4,8'
  for (const ignore of [['file'], ['1']])
    expect(numbersOf(text, { ignore })).toEqual([
      [1, 2, 3, 4],
      [7, 8],
    ])
  expect(() => imageData(text, 'a.csv')).toThrow('a.csv:2: column 1 is "one.png", not a number')
  expect(() => imageData('a,b,label\n1,2,x\n', 'a.csv', { ignore: ['a'] })).toThrow('a.csv:2: column 3 is "x", not a number')
})

test('a heading of numbers is not an example, and that is said', () => {
  const note = 'a.csv: line 1, 0, 1, 2, ... 3, is read as a heading; --heading no reads it as an example'
  expect(imageData('0,1,2,3\n1,2,3,4\n4,5,6,7', 'a.csv')).toMatchObject({
    count: 2,
    notes: [note, "a.csv: labels are column 4, '3', the last"],
  })
  const wide = Array.from({ length: 9 }, (_, at) => at + 1).join()
  expect(imageData(`${wide}\n${wide.replace('9', '8')}\n${wide}`, 'a.csv').count).toBe(2)
  expect(imageData('0,1,2,3\n1,2,3,4', 'a.csv', { heading: false }).count).toBe(2)
  expect(imageData('5,1,2,3\n1,2,3,4', 'a.csv', { heading: true }).count).toBe(1)
  // what only begins as a heading would
  expect(imageData('0,1,2,4\n1,2,3,5', 'a.csv').count).toBe(2)
})

test.each([
  ['semicolons', '1;2;3\n4;5;6', {}],
  ['tabs', '1\t2\t3\n4\t5\t6', {}],
  ['pipes', 'a|b|label\n1|2|3\n4|5|6', {}],
  ['quotes, and lines within them', '"a, of\nall",b,"la""bel"\n"1",2,"3"\n4,"5",6', {}],
  ['a byte order mark is none of them: CR', 'a,b,c\r1,2,3\r4,5,6\r', {}],
  ['spaces', ' 1 2  3\n4   5 6 ', { separator: 'space' }],
  ['decimal commas', '1,0;2;3\n4;5,0;6', { decimal: 'comma' }],
] as const)('%s part columns', (_, text, options) =>
  expect(numbersOf(text, options)).toEqual([
    [1, 2, 4, 5],
    [3, 6],
  ]),
)

test('lines are those of the file, also after a record of two', () => {
  expect(() => imageData('"a\nb",label\n1,2\n1,x', 'a.csv')).toThrow('a.csv:4: column 2 is "x"')
  expect(() => imageData('a,label\n1,2\n"1\n",2\n3', 'a.csv')).toThrow('a.csv:5: has 1 columns, line 1 has 2')
})

test.each([
  [
    'label,a,class\n1,2,3',
    {},
    "a.csv: has 2 columns that may be the label: 'label' (column 1), 'class' (column 3); choose one with --label",
  ],
  ['x,y,z\n1,2,3', {}, "a.csv: has 2 columns that may be the label: 'y' (column 2), 'z' (column 3); choose one with --label"],
  [
    'p0,p1,p2\n1,2,3',
    {},
    "a.csv: no heading names a label, and the last one, 'p2', continues 'p1'; choose the label with --label NAME or --label NUMBER",
  ],
  ['a,b,c\n1,2,3', { label: 'd' }, "a.csv: has no column 'd'; did you mean"],
  [
    'pixels,words,kinds\n1,2,3',
    { label: 'nothing like it' },
    "a.csv: has no column 'nothing like it'; its headings are pixels, words, kinds",
  ],
  [
    '1,2,3\n4,5,6',
    { label: 'label' },
    "a.csv: has no column 'label'; the table has no headings: give the number of a column, from 1",
  ],
  ['1,2,3\n4,5,6', { label: '4' }, 'a.csv: column 4, the label, is not among the columns that are read, 1 to 3'],
  ['a,a,b\n4,5,6', { label: 'a' }, "a.csv: has 2 columns with the heading 'a', 1 and 2; give a number"],
  ['id,a,label\n7,2,3\n8,2,3\n9,2,1', {}, "a.csv: column 1, 'id', is a row number; --ignore 1 leaves it out"],
  [',a,label\n0,2,3\n1,2,3\n2,2,1', {}, 'a.csv: column 1, without a heading, is a row number; --ignore 1 leaves it out'],
  [
    '1 2 3\n4 5 6',
    {},
    'a.csv:1: has one column; expected pixels and a label, separated by comma, semicolon, tab or pipe; --separator space reads columns separated by spaces',
  ],
  ['a|b,c\n1|2,x', {}, 'a.csv:1: has comma and pipe, and either may be the separator; choose it with --separator'],
  ['1,5;2;3\n4,5;6;7', {}, 'a.csv:1: column 1 is "1,5", not a number with a decimal point; --decimal comma reads it'],
  [
    '1.5;2;3\n4,5;6;7',
    { decimal: 'comma' },
    'a.csv:1: column 1 is "1.5", not a number with a decimal comma; --decimal point reads it',
  ],
  ['1,"2,3\n4,5,6', {}, 'a.csv:1: column 2 has an unclosed quote'],
  ['1,"2"3,4\n4,5,6', {}, 'a.csv:1: column 2 has text after its closing quote'],
] as const)('what is ambiguous, or not there, is refused: %j %j', (text, options, message) =>
  expect(() => imageData(text, 'a.csv', options)).toThrow(message),
)

test.each([
  ['1,2,3\n1,2\n', 'a.csv:2: has 2 columns, line 1 has 3'],
  ['1,2,3\n1,2,3,4\n', 'a.csv:2: has 4 columns, line 1 has 3'],
  ['1,2,3\n1,x,3\n', 'a.csv:2: column 2 is "x", not a number'],
  ['1,2,3\n1,0x10,3\n', 'a.csv:2: column 2 is "0x10", not a number'],
  ['1,2,3\n1,,3\n', 'a.csv:2: column 2 is empty'],
  ['1,2,3\nNaN,2,3\n', 'a.csv:2: column 1 is NaN, which is not finite in f32'],
  ['nan,2,3\n', 'a.csv:1: column 1 is nan, which is not finite in f32'],
  ['1,2,3\n1,-inf,3\n', 'a.csv:2: column 2 is -inf, which is not finite in f32'],
  ['1,2,3\n1,1e39,3\n', 'a.csv:2: column 2 is 1e39, which is not finite in f32'],
  ['1,2,3\n1,1e999,3\n', 'a.csv:2: column 2 is 1e999, which is not finite in f32'],
  ['1,2,3\n\n1,2,3\n', 'a.csv:2: is empty'],
  ['1,2,3\n1,2,3.5\n', 'a.csv:2: the label in column 3 is 3.5, not an i32 integer'],
  ['1,2,-2147483649\n', 'a.csv:1: the label in column 3 is -2147483649, not an i32 integer'],
  ['1\n2\n', 'a.csv:1: has one column; expected pixels and a label, separated by comma, semicolon, tab or pipe'],
  ['', 'a.csv: has no rows'],
  ['a,b\n', 'a.csv: has no rows'],
  ['1,b\n2,3', 'a.csv:1: column 2 is "b", not a number'],
])('%j is refused', (text, message) => {
  expect(() => imageData(text, 'a.csv')).toThrow(message)
})
