/** Pieces and what the `tokenizers` crate makes of them: `test/fixtures/tokenizers/decoders.py` writes the cases. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { translateDecoder } from '../../../text/decoder/decoder.ts'

interface Case {
  readonly decoder: { readonly type: string }
  readonly texts: readonly (readonly [readonly string[], string])[]
}

const FILE = new URL('../../fixtures/tokenizers/decoders.json', import.meta.url)
const cases = JSON.parse(readFileSync(FILE, 'utf8')) as readonly Case[]

test.each(cases.map((one) => [JSON.stringify(one.decoder), one] as const))('%s', (_, { decoder, texts }) => {
  const decode = translateDecoder(decoder, 'decoder')
  for (const [pieces, text] of texts) expect([pieces, decode(pieces)]).toEqual([pieces, text])
})

test('without a decoder, a space is between tokens', () => {
  expect(translateDecoder(null, 'decoder')(['a', 'b'])).toBe('a b')
})

test.each([
  [{ type: 'CTC' }, "'decoder' is of the type 'CTC', which is not supported"],
  [
    { type: 'Replace', pattern: { Regex: 'a' }, content: '' },
    "'decoder.pattern' is a regular expression, which is not supported",
  ],
  [{ type: 'Replace', pattern: { String: '' }, content: '' }, "'decoder.pattern' is empty"],
  [{ type: 'Strip', content: 'ab', start: 1, stop: 1 }, "'decoder.content' is not one character"],
  [{ type: 'Strip', content: 'a', start: -1, stop: 1 }, "'decoder.start' is a number, a whole number up to 65536 is needed"],
  [{ type: 'Metaspace' }, "'decoder.replacement' is missing, a string is needed"],
  [{}, "'decoder.type' is missing, a string is needed"],
  ['x', "'decoder' is a string, an object is needed"],
])('%j is refused', (decoder, message) => {
  expect(() => translateDecoder(decoder, 'decoder')).toThrow(message)
})
