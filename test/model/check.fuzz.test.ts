/** Specs with words changed at random: the checker never throws, and what it passes is lowered. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import { parse } from '../../grammar/parse.ts'
import { load, root } from '../support/sources.ts'
import { assertProperty, fuzzTimeout } from '../support/property.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'

const specs = ['examples', 'test/model/errors', 'std/blocks', 'std/policies', 'std/experts'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.smoe'))
    .map((name) => readFileSync(join(root, folder, name), 'utf8')),
)
const models = specs.filter((text) => /^model/m.test(text) && !text.includes('//!'))
const words = (text: string): string[] => text.match(/\/\/.*|"[^"\n]*"|\w+|\s+|\S/g) ?? []
const others = [...new Set(specs.flatMap(words))].filter((word) => word.trim() !== '' && !word.startsWith('//'))

const plain = [
  '0',
  '1',
  '2',
  '3',
  '5',
  '100',
  '1.5',
  'true',
  'D',
  'E',
  'B',
  'S',
  'T',
  'F',
  'L',
  'i',
  'k',
  'x',
  'h',
  'sum',
  'max',
  'mean',
  'exp',
  'top_k',
  '-',
  '+',
  '*',
  '/',
  '@',
]

/** Places and words: each place, as a share of the text, gets the word, loses its own, or gets its neighbour's. */
const edits = fc.array(
  fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    fc.oneof(fc.constantFrom(...plain), fc.constantFrom(...others, '')),
  ),
  { minLength: 1, maxLength: 3 },
)

/** Words without which little is left to check. */
const KEPT = /^(import|model|input|output|let|var|param|return|repeat|from|[{}(),:=])$/

function edited(text: string, changes: readonly (readonly [number, string])[]): string {
  const parts = words(text)
  const solid = parts.flatMap((part, i) => (part.trim() === '' || part.startsWith('//') || KEPT.test(part) ? [] : [i]))
  for (const [place, word] of changes) parts[solid[Math.floor(place * solid.length)]] = word
  return parts.join('')
}

test('a spec with changed words never throws', { ...MORE_IN_LONG, timeout: fuzzTimeout(75_000) }, () => {
  assertProperty(
    fc.property(fc.oneof(fc.constantFrom(...specs), fc.constantFrom(...models)), edits, (text, changes) => {
      const { file, diagnostics } = parse({ path: 'examples/changed.smoe', text: edited(text, changes) })
      const { model, diagnostics: told } = check(file, { load })
      if (diagnostics.length === 0 && model !== null) expect(lower(model).outputs.length).toBeGreaterThan(0)
      const isSilent =
        model === null && told.length + diagnostics.length === 0 && file.declarations.some(({ declares }) => declares === 'model')
      expect(isSilent).toBe(false)
      for (const { span, message } of told) expect([message !== '', span.end >= span.start]).toEqual([true, true])
    }),
    inRun({ short: 50, long: 150, whole: 150 }),
  )
})
