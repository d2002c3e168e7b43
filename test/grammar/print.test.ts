import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { parse } from '../../grammar/parse.ts'
import { print, printedWidth } from '../../grammar/print.ts'
import { everything, parseText, withoutSpans } from './helpers.ts'
import { file } from './trees.ts'
import { assertProperty, fuzzTimeout } from '../support/property.ts'

vi.setConfig({ testTimeout: fuzzTimeout(120_000) })

const printed = (text: string): string => print(parseText(text).file)

test('a canonical file stays as it is', () =>
  expect(printed(everything.replace(/model mixtral\((.*)\) \{/, 'model mixtral() {'))).toBe(
    everything.replace(/model mixtral\((.*)\) \{/, 'model mixtral() {'),
  ))

test('any tree printed parses to itself, and printing is idempotent', () => {
  assertProperty(
    fc.property(file, (tree) => {
      const text = print(tree)
      const { file: read, diagnostics } = parse({ path: 'random.smoe', text })
      expect(
        diagnostics.map(({ message }) => message),
        text,
      ).toEqual([])
      expect(withoutSpans(read)).toEqual(withoutSpans(tree))
      expect(print(read)).toBe(text)
    }),
    100,
  )
})

test('long lists and chains break at 110 columns', () => {
  const text = printed(`fn f(${Array.from({ length: 12 }, (_, i) => `parameter${i}: int = ${i}`).join(', ')}) {
    return ${Array.from({ length: 12 }, (_, i) => `a_longer_name${i} * b`).join(' + ')} + g(${Array.from({ length: 12 }, (_, i) => `argument${i}`).join(', ')}) }`)
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(printedWidth)
  expect(text).toContain('  parameter11: int = 11,\n) {')
  expect(text).toContain('\n    + a_longer_name11 * b\n')
})

test('comments stay in their places', () => {
  const text = `// top

import { a } from "x"  // after an import

// before f
/// Doc of f.
fn f(
  // before x
  x: int,  // after x
  /// Doc of y.
  y: int = 3,
  // at the end of the parameters
) {  // after the brace
  // first

  let a = g(
    x,  // an argument
    y,
  )

  // two lines
  // of comment
  let b = moe(a) {  // a layer
    // a clause
    experts 8 of c()  // eight
  }
  return b  // the end
  // last in f
}

//// of nothing
fn g() {
  // alone
}
// last of all
`
  expect(printed(text)).toBe(text)
})

test('a comment inside an expression goes before its statement', () => {
  expect(printed('fn f() {\n  let a = b +  // why\n    c\n}')).toBe('fn f() {\n  // why\n  let a = b + c\n}\n')
})

test('comments are never lost, wherever they stand', () => {
  const words = everything.split(/(?<=\s)(?=\S)/).filter((word) => !word.startsWith('//'))
  assertProperty(
    fc.property(fc.uniqueArray(fc.nat(words.length - 1), { maxLength: 5 }), (places) => {
      const text = everything
        .replace(/\/\/.*/g, '')
        .split(/(?<=\s)(?=\S)/)
        .map((word, at) => (places.includes(at) ? `// c${at}\n${word}` : word))
        .join('')
      const { file: read, diagnostics } = parseText(text)
      fc.pre(diagnostics.length === 0)
      const once = print(read)
      for (const { text: comment } of read.comments) expect(once).toContain(`// ${comment}`)
      expect(once.match(/\/\/ c\d/g)?.length ?? 0).toBe(read.comments.length)
      expect(printed(once)).toBe(once)
      expect(withoutSpans(parseText(once).file.declarations)).toEqual(withoutSpans(read.declarations))
    }),
    40,
  )
})

test('empty lines are kept, at most one', () => {
  expect(printed('\n\nfn f() {\n\n\n  let a = 1\n\n\n\n  let b = 2\n  let c = 3\n\n}\nfn g() {}\n\n\n')).toBe(
    'fn f() {\n  let a = 1\n\n  let b = 2\n  let c = 3\n}\n\nfn g() {}\n',
  )
  expect(printed('')).toBe('')
  expect(printed('// only')).toBe('// only\n')
})
