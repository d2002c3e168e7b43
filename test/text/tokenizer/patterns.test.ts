import { expect, test } from 'vitest'
import { inClass, literal, mayCapture, patternAt } from '../../../text/tokenizer/patterns.ts'

test('a pattern is a regular expression or a text', () => {
  expect(patternAt({ Regex: 'a+' }, 'p')).toEqual({ kind: 'regex', text: 'a+' })
  expect(patternAt({ String: 'a+' }, 'p')).toEqual({ kind: 'string', text: 'a+' })
  expect(() => patternAt({}, 'p')).toThrow("'p.String' is missing, a string is needed")
  expect(() => patternAt({ Regex: 'a'.repeat(10_001) }, 'p')).toThrow("'p' has more than 10000 characters")
})

test('a text matches itself, alone and in a class', () => {
  for (const character of '^$\\.*+?()[]{}|/-&▁ a') {
    expect(character.replace(new RegExp(literal(character), 'u'), '')).toBe('')
    expect(character.replace(new RegExp(`[${inClass(character)}]`), '')).toBe('')
    expect(character.replace(new RegExp(`[^${inClass(character)}]`), '')).toBe(character)
  }
})

test('groups that capture are found', () => {
  expect(['(a)', 'b(?<name>a)', '\\\\(a)'].map(mayCapture)).toEqual([true, true, true])
  expect(['(?:a)', '\\(a\\)', '(?=a)(?!b)(?i:c)'].map(mayCapture)).toEqual([false, false, false])
})
