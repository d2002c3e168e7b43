import { expect, test } from 'vitest'
import { codes } from '../../grammar/codes.ts'
import { parseText } from './helpers.ts'

/** Brought about by size alone; tested in `parse.test.ts`. */
const bySize = new Set(['SMOE1009', 'SMOE1017'])

test.each(Object.entries(codes).filter(([code]) => code.startsWith('SMOE1') && !bySize.has(code)))(
  '%s has an example that brings it about, and nothing else',
  (code, { example }) => {
    expect(parseText(example).diagnostics.map((one) => one.code)).toEqual([code])
  },
)

test('every row is told in words', () => {
  for (const [code, { title, explanation, example }] of Object.entries(codes)) {
    expect(code).toMatch(/^SMOE[1-7]\d{3}$/)
    expect(title).toMatch(/^\S.*\w$/)
    expect(explanation).toMatch(/\.$/)
    expect(example).not.toBe('')
  }
})
