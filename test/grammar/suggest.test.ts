import { expect, test } from 'vitest'
import { closest, editDistance } from '../../grammar/suggest.ts'

test('distances count changes, gaps and swaps', () => {
  expect(editDistance('', 'abc')).toBe(3)
  expect(editDistance('retrun', 'return')).toBe(1)
  expect(editDistance('kitten', 'sitting')).toBe(3)
  expect(editDistance('kitten', 'sitting', 1)).toBe(2)
})

test('the nearest name is meant, a far one is not', () => {
  expect(closest('embd', ['head', 'embed', 'tokens'])).toBe('embed')
  expect(closest('Embed', ['embde', 'embed'])).toBe('embed')
  expect(closest('x', ['y', 'embed'])).toBeNull()
  expect(closest('qwerty', ['head', 'embed'])).toBeNull()
  expect(closest('embed', ['embed'])).toBeNull()
  expect(closest('a'.repeat(1e6), ['embed'])).toBeNull()
})
