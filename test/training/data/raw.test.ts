import { expect, test } from 'vitest'
import { checkText, looksLike } from '../../../training/data/binary.ts'
import { asTokens, llmcTokens, rawTokens } from '../../../training/data/raw.ts'
import { uniform } from '../../support/random.ts'

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer)

const chance = uniform(3)
const ids = Array.from({ length: 500 }, () => Math.floor(chance() * 60))

test('token ids of every type are read', () => {
  for (const [type, data] of [
    ['u8', Uint8Array.from(ids)],
    ['u16', Uint16Array.from(ids)],
    ['u32', Uint32Array.from(ids)],
    ['i32', Int32Array.from(ids)],
    ['i64', BigInt64Array.from(ids, BigInt)],
  ] as const)
    expect([...rawTokens(bytesOf(data), type, 'a.bin').tokens]).toEqual(ids)
})

test.each([
  [Uint8Array.of(1, 2, 3), 'u16', 'a.bin: has 3 bytes, which is not a whole number of u16 tokens'],
  [Int32Array.of(5, -1), 'i32', 'a.bin: token 1 is -1 as i32'],
  [Uint32Array.of(2 ** 31), 'u32', 'a.bin: token 0 is 2147483648 as u32'],
] as const)('bytes that are none are refused: %#', (data, type, message) => {
  expect(() => rawTokens(bytesOf(data), type, 'a.bin')).toThrow(message)
})

test('a token file of llm.c says how many tokens follow its header', () => {
  const file = (count: number): Uint8Array =>
    Buffer.concat([
      bytesOf(Int32Array.from({ length: 256 }, (_, at) => [20240520, 1, count][at] ?? 0)),
      bytesOf(Uint16Array.from(ids)),
    ])
  expect([...llmcTokens(file(500), 'u16', 'a.bin').tokens]).toEqual(ids)
  expect(() => llmcTokens(file(499), 'u16', 'a.bin')).toThrow(
    'a.bin: is a token file of llm.c whose header says 499 tokens, but 500 follow',
  )
})

test('the type that bytes look like is that which makes sense of them', () => {
  const likely = (data: ArrayBufferView): string => /--tokens (\w+)/.exec(looksLike(bytesOf(data)))?.[1] ?? 'none'
  const large = Array.from({ length: 500 }, () => Math.floor(chance() * 50_257))
  expect(
    [
      Uint16Array.from(ids),
      Uint16Array.from(large),
      Uint32Array.from(large),
      BigInt64Array.from(large, BigInt),
      Uint8Array.from(ids),
    ].map(likely),
  ).toEqual(['u16', 'u16', 'u32', 'i64', 'u8'])
  expect(asTokens(bytesOf(Uint16Array.from(ids)))).toContainEqual({ type: 'u16', tokens: 500, largest: Math.max(...ids) })
  expect(looksLike(Buffer.from('Some words\n', 'utf16le'))).toContain('it looks like UTF-16')
  expect(looksLike(Buffer.from('Grüße, und noch mehr davon', 'latin1'))).toContain('it looks like text in another encoding')
  checkText(Buffer.from('Some words,\ttwo lines\r\n\x1b[1mand bold\f'), 'a.txt', looksLike)
  expect(() =>
    checkText(
      Uint8Array.from(ids, (id) => id + 1),
      'a.txt',
      looksLike,
    ),
  ).toThrow(/^a\.txt: is not text: \d+ of its 500 bytes are control characters; it looks like token ids/)
})
