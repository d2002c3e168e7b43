import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { codes } from '../../grammar/codes.ts'
import { frame } from '../../grammar/frame.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { everything } from './helpers.ts'
import { assertProperty, fuzzTimeout } from '../support/property.ts'

vi.setConfig({ testTimeout: fuzzTimeout(120_000) })

/** Whatever the text: no throw, sound diagnostics, spans within the text, and a tree that prints. */
function holds(text: string): void {
  const { file, diagnostics } = parse({ path: 'fuzz.smoe', text })
  for (const one of diagnostics) {
    expect(Object.keys(codes)).toContain(one.code)
    for (const { start, end } of [
      one.span,
      ...(one.fix === null ? [] : [one.fix.span]),
      ...one.related.map(({ span }) => span),
    ]) {
      expect(start >= 0 && start <= end && end <= text.length, `${one.code} ${start}..${end} of ${text.length}`).toBe(true)
    }
  }
  for (const one of diagnostics.slice(0, 5)) expect(frame(one)).toContain(one.message)
  print(file)
}

const units = fc.array(fc.oneof(fc.nat(0xffff), fc.nat(127)), { maxLength: 400 }).map((all) => String.fromCharCode(...all))
const signs = [
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '"',
  '\n',
  '\r\n',
  '$',
  '.',
  '..',
  '...',
  ',',
  ':',
  '=',
  '==',
  '+',
  '-',
  '@',
  '->',
  '|',
  ';',
  '//',
  '///',
  '/*',
  "'",
  '#',
  '%',
  '\\',
  '1',
  '1.5',
  '1e',
  'fn',
  'model',
  'import',
  'from',
  'let',
  'param',
  'input',
  'x',
  'moe',
  'if',
  'then',
  'else',
  'as',
  'weights',
  'once',
  'when',
  'training',
  'repeat',
  'in',
  'select',
  'top',
  'by',
  'experts',
  'of',
  'route',
  'require',
  'T',
  'return',
  'not',
]
const soup = fc.array(fc.constantFrom(...signs), { maxLength: 150 }).map((all) => all.join(' '))

test('random UTF-16', () => assertProperty(fc.property(units, holds), 200))
test('soups of words and signs', () => assertProperty(fc.property(soup, holds), 300))
test('a good file with bits cut, doubled and thrown in', () => {
  const change = fc.record({ at: fc.nat(everything.length), cut: fc.nat(8), put: fc.constantFrom('', ...signs) })
  assertProperty(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      holds(changes.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), everything))
    }),
    80,
  )
})

test('time grows in proportion to the text', () => {
  const time = (text: string): number => {
    const start = performance.now()
    parse({ path: 'long.smoe', text })
    return performance.now() - start
  }
  time(everything.repeat(4))
  expect(time(everything.repeat(40))).toBeLessThan(60 * Math.max(10, time(everything.repeat(4))))
})
