import { expect, test } from 'vitest'
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import { frame } from '../../grammar/frame.ts'
import { parseText } from './helpers.ts'

const at = (text: string, start: number, end: number, more: Partial<Diagnostic> = {}): Diagnostic => ({
  code: 'SMOE1001',
  severity: 'error',
  message: 'wrong',
  span: { source: { path: 'a.smoe', text }, start, end },
  related: [],
  help: null,
  fix: null,
  ...more,
})

test('a mark under the place, with help, an explaining place and a fix', () => {
  const [one] = parseText('fn f() {\n  return g(a,\n    b\n}').diagnostics
  expect(frame(one!)).toBe(`error[SMOE1006]: expected \`)\` to close the call of \`g\`
 --> test.smoe:3:6
  |
2 |   return g(a,
  |           - opened here
3 |     b
  |      ^
  = fix:
  -     b
  +     b)`)
  expect(frame(at('a b', 2, 3, { help: 'try c' }))).toContain('\n  = help: try c')
})

test('tabs, wide characters and line ends keep the mark under its place', () => {
  expect(
    frame(at('\t\u65E5\u672C x\r\n', 4, 5))
      .split('\n')
      .slice(3),
  ).toEqual(['1 |   \u65E5\u672C x', '  |        ^'])
  expect(
    frame(at('a\u0301b x', 4, 5))
      .split('\n')
      .at(-1),
  ).toBe('  |    ^')
})

test('a span of many lines is marked at its ends', () => {
  expect(
    frame(at('aa {\n  b\n  c\n  d\n}\n', 3, 19))
      .split('\n')
      .slice(3),
  ).toEqual(['1 | aa {', '  |    ^', '...', '5 | }', '  | ^'])
})

test('the end of a text has a mark', () => {
  expect(
    frame(at('ab', 2, 2))
      .split('\n')
      .at(-1),
  ).toBe('  |   ^')
  expect(
    frame(at('', 0, 0))
      .split('\n')
      .slice(1),
  ).toEqual([' --> a.smoe:1:1', '  |', '1 |', '  | ^'])
  expect(frame(at('a\n', 2, 2))).toContain('2 |')
})

test('a long line is shown in part', () => {
  const rows = frame(at(`${'x'.repeat(1e5)}!${'y'.repeat(1e5)}`, 1e5, 1e5 + 1)).split('\n')
  expect(Math.max(...rows.map((row) => row.length))).toBeLessThan(160)
  expect(rows[3]![rows[4]!.indexOf('^')]).toBe('!')
})

test('places in other files have their own lines', () => {
  const other = { source: { path: 'b.smoe', text: 'let c' }, start: 4, end: 5 }
  expect(frame(at('a b', 0, 1, { related: [{ span: other, message: 'here' }] }))).toContain(
    ' --> b.smoe:1:5\n  |\n1 | let c\n  |     - here',
  )
})

test('colour is on demand, and only colour', () => {
  const one = at('a b', 2, 3, { help: 'try c' })
  expect(frame(one)).not.toContain('\x1b')
  expect(frame(one, { color: true })).toContain('\x1b[')
  expect(frame(one, { color: true }).replace(/\x1b\[[\d;]*m/g, '')).toBe(frame(one))
})
