import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { openSafetensors } from '../../../runtime/checkpoint/safetensors.ts'
import { bytesSource } from '../../../runtime/checkpoint/source.ts'
import { CheckpointError } from '../../../runtime/errors.ts'

const MEGABYTE = 1e6

/** A file of this header, a part of which is repeated, and 8 bytes of data. */
function file(before: string, repeated: string, count: number, after: string): Uint8Array {
  const length = before.length + repeated.length * count + after.length
  const bytes = Buffer.alloc(8 + length + 8)
  bytes.writeBigUInt64LE(BigInt(length), 0)
  bytes.write(before, 8, 'latin1')
  bytes.fill(repeated, 8 + before.length, 8 + before.length + repeated.length * count, 'latin1')
  bytes.write(after, 8 + length - after.length, 'latin1')
  return bytes
}

const tensor = (name: string): string => `"${name}":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
const rest = '],"dtype":"F32","data_offsets":[0,8]}}'

const hostile: Readonly<
  Record<string, readonly [before: string, repeated: string, count: number, after: string, reason: RegExp]>
> = {
  'a shape of 200,000 sizes': [
    '{"a":{"shape":[1',
    ',18446744073709551615',
    200_000,
    rest,
    /shape of tensor 'a' has more than 64 numbers/,
  ],
  'a shape of 64 large sizes': ['{"a":{"shape":[1', ',18446744073709551615', 63, rest, /takes more than 2\^64 bits/],
  'a shape of many zeros': ['{"a":{"shape":[0', ',0', 20 * MEGABYTE, rest, /more than 64 numbers/],
  'a name of 10 MB': [
    '{"',
    'x',
    10 * MEGABYTE,
    `":{"shape":[${rest}`,
    /a name at byte 1 of the header is longer than 4096 bytes/,
  ],
  'a name of escapes': ['{"', '\\u0041', 2 * MEGABYTE, `":{"shape":[${rest}`, /longer than 4096 bytes/],
  'a shape of 90 MB of digits': [
    '{"a":{"shape":[',
    '7',
    90 * MEGABYTE,
    rest,
    /7777\.\.\. at byte 15 of the header is not a whole number from 0 to 2\^64 - 1/,
  ],
  'an offset of many digits': [
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,',
    '8',
    20 * MEGABYTE,
    ']}}',
    /is not a whole number/,
  ],
  'many offsets': [
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8',
    ',8',
    5 * MEGABYTE,
    ']}}',
    /data_offsets of tensor 'a' has more than 2 numbers/,
  ],
  'a type of 10 MB': [
    '{"a":{"dtype":"',
    'F',
    10 * MEGABYTE,
    '","shape":[2],"data_offsets":[0,8]}}',
    /a type at byte 14 of the header is longer than 64 bytes/,
  ],
  'a field of 10 MB': ['{"a":{"', 'f', 10 * MEGABYTE, '":1}}', /longer than 64 bytes/],
  'deep lists': ['{"a":{"shape":', '[', 20 * MEGABYTE, rest, /a whole number is expected at byte 15/],
  'deep objects': ['{"a":', '{"a":', 4 * MEGABYTE, '}', /unknown field 'a'/],
  'deep metadata': ['{"__metadata__":{"a":', '{"a":', 4 * MEGABYTE, '}', /a text is expected at byte 21/],
  'a key of the metadata of 10 MB': ['{"__metadata__":{"', 'k', 10 * MEGABYTE, '":"v"}}', /longer than 4096 bytes/],
  'a name twice': [
    `{${tensor('a')},"`,
    'a',
    1,
    `":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}`,
    /the header has 'a' twice/,
  ],
  'a long name twice': [
    `{${tensor('n'.repeat(4000))},"`,
    'n',
    4000,
    `":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}`,
    /nnn\.\.\.nnnnnnnnnnnnn \(4000 characters\)' twice/,
  ],
  'a field twice': [
    '{"a":{"dtype":"F32","dtype":"',
    'F',
    1,
    '32","shape":[2],"data_offsets":[0,8]}}',
    /tensor 'a' has 'dtype' twice/,
  ],
  'an escaped name twice': [
    `{${tensor('a')},"`,
    '\\u0061',
    1,
    `":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}`,
    /the header has 'a' twice/,
  ],
  'a reserved name': ['{"__proto', '_', 2, '":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', /is reserved/],
  'an open string': ['{"', 'x', 100, '', /does not end/],
  'an open escape': ['{"', '\\', 101, '', /does not end/],
  'names that overlap': [`{${tensor('a')},`, '', 0, `${tensor('b')}}`, /overlaps/],
  'bytes that are not UTF-8': ['{"', '\xff', 10, '":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', /is not valid text/],
  'a control character': ['{"a', '\n', 1, '":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', /control character/],
  'a negative size': [
    '{"a":{"dtype":"F32","shape":[-',
    '2',
    1,
    '],"data_offsets":[0,8]}}',
    /-2 at byte 29 of the header is not a whole number/,
  ],
  'a size that is a word': ['{"a":{"dtype":"F32","shape":[NaN', '', 0, '],"data_offsets":[0,8]}}', /a whole number is expected/],
}

async function refusalOf(
  bytes: Uint8Array,
): Promise<{ readonly message: string; readonly milliseconds: number; readonly memory: number }> {
  const source = bytesSource(bytes, 'file')
  const memory = process.memoryUsage()
  const start = process.cpuUsage()
  const error = await openSafetensors(source).then(
    () => null,
    (problem: unknown) => problem,
  )
  const { user, system } = process.cpuUsage(start)
  const after = process.memoryUsage()
  expect(error).toBeInstanceOf(CheckpointError)
  const grown = after.heapTotal + after.external - memory.heapTotal - memory.external
  return { message: (error as Error).message, milliseconds: (user + system) / 1000, memory: grown }
}

test.each(Object.entries(hostile))(
  '%s is refused at once and in few words',
  async (_, [before, repeated, count, after, reason]) => {
    const bytes = file(before, repeated, count, after)
    const refusals = [await refusalOf(bytes), await refusalOf(bytes), await refusalOf(bytes)]
    for (const { message } of refusals) {
      expect(message).toMatch(reason)
      expect(message.length).toBeLessThan(400)
    }
    // the quickest of three: other programs share the processor
    expect(Math.min(...refusals.map(({ milliseconds }) => milliseconds))).toBeLessThan(50)
    expect(Math.min(...refusals.map(({ memory }) => memory))).toBeLessThan(16 * 2 ** 20)
  },
)

test('names of 4096 bytes, 64 axes and the largest sizes beside a zero are read', async () => {
  const name = 'é'.repeat(2048)
  const shape = [...new Array<number>(63).fill(1), 2]
  const checkpoint = await openSafetensors(bytesSource(encodeSafetensors({ [name]: { shape, data: Float32Array.of(1, 2) } })))
  expect(checkpoint.tensors.get(name)?.shape).toEqual(shape)
  const empty = file(
    '{"a":{"dtype":"F32","shape":[0,',
    '18446744073709551615',
    1,
    '],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
  )
  expect((await openSafetensors(bytesSource(empty))).tensors.get('a')?.bytes).toBe(0)
})

test('a refused source is closed, an accepted one stays open until the checkpoint is closed', async () => {
  let closed = 0
  const source = (bytes: Uint8Array) => ({ ...bytesSource(bytes), close: async () => void closed++ })
  await expect(openSafetensors(source(new Uint8Array(3)))).rejects.toThrow(CheckpointError)
  expect(closed).toBe(1)
  const checkpoint = await openSafetensors(source(encodeSafetensors({ a: { shape: [1], data: Float32Array.of(1) } })))
  expect(closed).toBe(1)
  await checkpoint.close()
  expect(closed).toBe(2)
})
