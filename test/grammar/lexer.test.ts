import { expect, test } from 'vitest'
import { lex } from '../../grammar/lexer.ts'

const kinds = (text: string) => lex(text).tokens.map(({ tokenType, image }) => `${tokenType.name} ${image}`)

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

test.each([
  ['__proto__ __proto__s', ['ProtoWord __proto__', 'Word __proto__s']],
  ['"a\\"b" "c', ['String "a\\"b"', 'UnclosedString "c']],
  ['-> => == = - !=', ['Arrow ->', 'FatArrow =>', 'IsEqual ==', 'Equals =', 'Minus -', 'IsNotEqual !=']],
  ['maß', ['ForeignWord maß']],
])('where several types match, the first is taken: %s', (text, expected) => {
  expect(kinds(text)).toEqual(expected)
})

test('comments are apart from tokens, each with its place', () => {
  const { tokens, comments } = lex('a // b\n/* c */ d')
  expect(tokens.map(({ image, startOffset, endOffset }) => [image, startOffset, endOffset])).toEqual([
    ['a', 0, 0],
    ['/* c */', 7, 13],
    ['d', 15, 15],
  ])
  expect(comments.map(({ image, startOffset, endOffset }) => [image, startOffset, endOffset])).toEqual([['// b', 2, 5]])
})

test('every character belongs to a token, a comment or a blank', () => {
  for (let code = 0; code <= 0xffff; code += code < 0x500 ? 1 : 97) {
    const text = String.fromCharCode(code)
    const { tokens, comments } = lex(`${text}a`)
    const isBlank = /[ \t\r\n\f\uFEFF]/.test(text)
    const images = [...tokens, ...comments].map(({ image }) => image).join('')
    expect(images, `U+${code.toString(16)}`).toBe(isBlank ? 'a' : `${text}a`)
  }
})
