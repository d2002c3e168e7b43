import { expect, test } from 'vitest'
import { decodeUtf8, textData } from '../../../training/data/text.ts'
import { charactersOf, decodeTokens, encodeText, vocabularySize } from '../../../training/data/vocabulary.ts'

test('characters are code points, ascending, and come back', () => {
  const text = 'hé😀\nhe'
  const data = textData([{ name: 'a.txt', text }])
  expect(data.vocabulary).toEqual({ kind: 'characters', characters: ['\n', 'e', 'h', 'é', '😀'] })
  expect([...data.tokens]).toEqual([2, 3, 4, 0, 2, 1])
  expect(decodeTokens(data.tokens, data.vocabulary!)).toBe(text)
  expect(vocabularySize(data.vocabulary!)).toBe(5)
})

test('bytes are those of UTF-8', () => {
  const data = textData([{ name: 'a.txt', text: 'aé' }], { kind: 'bytes' })
  expect([...data.tokens]).toEqual([97, 0xc3, 0xa9])
  expect(decodeTokens(data.tokens, { kind: 'bytes' })).toBe('aé')
})

test('texts are joined, with the characters of all', () => {
  const data = textData([
    { name: 'a.txt', text: 'ab' },
    { name: 'b.txt', text: 'cb' },
  ])
  expect([...data.tokens]).toEqual([0, 1, 2, 1])
  expect(data.name).toBe('a.txt, b.txt')
})

test('a character that the vocabulary lacks is told with its line', () => {
  const vocabulary = charactersOf(['ab\n'])
  expect(() => encodeText('ab\nb\nbé', vocabulary, 'valid.txt')).toThrow(
    'valid.txt:3: the character "é" (U+00E9) is not in the vocabulary of 3',
  )
})

test('what is no UTF-8 is told with its line', () => {
  expect(() => decodeUtf8(Uint8Array.of(97, 10, 98, 10, 0xff, 10, 97), 'a.bin')).toThrow('a.bin:3: is not UTF-8')
  expect(() => decodeUtf8(Uint8Array.of(97, 10, 0xc3), 'a.bin')).toThrow('a.bin:2: is not UTF-8')
  expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 97), 'a.txt')).toBe('a')
})

test('a token that stands for nothing is shown as such', () => {
  expect(decodeTokens([0, 9], charactersOf(['a']))).toBe('a\ufffd')
})
