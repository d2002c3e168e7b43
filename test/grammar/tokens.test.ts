import { expect, test } from 'vitest'
import { createLexer } from '../../grammar/tokens.ts'

const lexer = createLexer(false)
const kinds = (text: string) => lexer.tokenize(text).tokens.map(({ tokenType, image }) => `${tokenType.name} ${image}`)

test('the definitions are sound', () => expect(lexer.lexerDefinitionErrors).toEqual([]))

test('numbers, ranges and transposes are told apart', () => {
  expect(kinds('0..L')).toEqual(['Number 0', 'DotDot ..', 'Word L'])
  expect(kinds('1..E 1.5 1e-5 1. 2.5E+3')).toEqual([
    'Number 1',
    'DotDot ..',
    'Word E',
    'Number 1.5',
    'Number 1e-5',
    'Number 1.',
    'Number 2.5E+3',
  ])
  expect(kinds('1.5..2')).toEqual(['Number 1.5', 'DotDot ..', 'Number 2'])
  expect(kinds('2.T')).toEqual(['Number 2', 'Dot .', 'Word T'])
})

test.each(['0x1F', '12abc', '1.2.3', '1e', '1e-', '1_000'])('%s is one bad number', (text) => {
  expect(kinds(text)).toEqual([`BadNumber ${text}`])
})

test('every character belongs to a token, a comment or a blank', () => {
  for (let code = 0; code <= 0xffff; code += code < 0x500 ? 1 : 97) {
    expect(lexer.tokenize(String.fromCharCode(code)).errors, `U+${code.toString(16)}`).toEqual([])
  }
})
