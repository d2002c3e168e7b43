import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { translateDecoder } from '../../../text/decoder/decoder.ts'
import { textStream } from '../../../text/decoder/stream.ts'
import { openDecoder } from '../../../text/decoder/open.ts'
import { openTokenizer } from '../../../text/tokenizer/open.ts'

const decoderOf =
  (decoder: unknown, tokens: readonly string[]) =>
  (ids: readonly number[]): string =>
    translateDecoder(decoder, 'decoder')(ids.map((id) => tokens[id]))

/** What each token adds, and what the end does. */
function pieces(decode: (ids: readonly number[]) => string, prompt: readonly number[], ids: readonly number[]) {
  const stream = textStream(decode, prompt)
  return [...ids.map((id) => stream.add(id)), stream.end()]
}

test('a character of several tokens comes whole', () => {
  const decode = decoderOf({ type: 'ByteLevel' }, ['ðŁ', 'ĺĢ', 'Ġa'])
  expect(pieces(decode, [], [0, 1, 2, 2])).toEqual(['', '😀', ' a', ' a', ''])
  expect(pieces(decode, [2], [0])).toEqual(['', '\uFFFD'])
})

test('the first word of an answer keeps its space, which the first of a text has not', () => {
  const decode = decoderOf({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }, ['▁a', '▁b'])
  expect(pieces(decode, [0], [1, 0])).toEqual([' b', ' a', ''])
  expect(pieces(decode, [], [1, 0])).toEqual(['b', ' a', ''])
})

test('a byte order mark and other characters that decoders of text swallow stay', () => {
  expect(decoderOf({ type: 'ByteFallback' }, ['<0xEF>', '<0xBB>', '<0xBF>'])([0, 1, 2])).toBe('\uFEFF')
})

test('special tokens and ids without a token are no text', async () => {
  const file = readFileSync('test/fixtures/tokenizers/tiny.json')
  const decode = openDecoder(file)
  const opened = await openTokenizer(file)
  try {
    const ids = [...(await opened.encode('the router'))]
    // the first is <s>; 2 is </s>
    expect(decode(ids)).toBe(decode([...ids.slice(1), 63_000, 2]))
    // the file has no decoder
    expect(decode(ids).replaceAll(/[ ▁]/g, '')).toBe('therouter')
  } finally {
    await opened.close()
  }
})
