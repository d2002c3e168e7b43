import { expect, test } from 'vitest'
import { TokenizerError } from '../../../text/tokenizer/errors.ts'
import { parseTokenizer } from '../../../text/tokenizer/parse.ts'
import { MOST_BYTES } from '../../../text/tokenizer/scan.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('JSON in UTF-8 is parsed', () => {
  expect(parseTokenizer(bytes('{ "a": ["é\\"[", 1] }'))).toEqual({ a: ['é"[', 1] })
})

test.each([
  ['what is not JSON', bytes('{'), /^it is not JSON: /],
  ['what is not UTF-8', Uint8Array.from([0x22, 0xff, 0x22]), /^it is not JSON: /],
  ['what is too deep', bytes('['.repeat(65)), /^it is nested more than 64 deep$/],
  ['what is too large', new Uint8Array(MOST_BYTES + 1), /^it has more than 128 MiB$/],
] as const)('%s is refused', (_, file, message) => {
  expect(() => parseTokenizer(file)).toThrow(TokenizerError)
  expect(() => parseTokenizer(file)).toThrow(message)
})
