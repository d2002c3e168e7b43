import { expect, test } from 'vitest'
import { join, lineStarts, positionAt, textOf } from '../../grammar/source.ts'

const source = { path: 'a', text: 'one\r\ntwo\n\nfour' }

test('positions count lines and columns from 1', () => {
  expect(lineStarts(source)).toEqual([0, 5, 9, 10])
  expect(positionAt(source, 0)).toEqual({ line: 1, column: 1 })
  expect(positionAt(source, 6)).toEqual({ line: 2, column: 2 })
  expect(positionAt(source, 9)).toEqual({ line: 3, column: 1 })
  expect(positionAt(source, source.text.length)).toEqual({ line: 4, column: 5 })
})

test('spans join and give their text', () => {
  const span = join({ source, start: 5, end: 6 }, { source, start: 0, end: 3 })
  expect(textOf(span)).toBe('one\r\nt')
})
