import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fileSource } from '../../../../runtime/checkpoint/files.ts'
import { openGguf } from '../../../../runtime/checkpoint/gguf/open.ts'
import { bytesSource } from '../../../../runtime/checkpoint/source.ts'
import { CheckpointError } from '../../../../runtime/errors.ts'
import { ggufBytes, type GgufText } from '../../../support/gguf.ts'
import { root } from '../../../support/sources.ts'

const written = join(root, 'test/fixtures/gguf/every-type.gguf')

describe('a file of the reference writer', () => {
  test('has its metadata, of every type', async () => {
    const { values, source } = await openGguf(await fileSource(written))
    await source.close()
    expect(Object.fromEntries([...values].filter(([key]) => /^(one|some)\./.test(key)))).toEqual({
      'one.u8': 200,
      'one.i8': -3,
      'one.u16': 60000,
      'one.i16': -300,
      'one.u32': 4_000_000_000,
      'one.i32': -70000,
      // beyond what a number holds exactly
      'one.u64': 2n ** 53n + 1n,
      'one.i64': -(2 ** 40),
      'one.f32': 0.25,
      'one.f64': 0.1,
      'one.bool': true,
      'some.strings': ['', 'a', 'é'],
      'some.numbers': new Int32Array([1, -2, 3]),
      'some.flags': [true, false],
    })
    expect(values.get('general.architecture')).toBe('llama')
  })

  test('has its tensors, outermost axis first', async () => {
    const { tensors, source } = await openGguf(await fileSource(written))
    await source.close()
    const shown = [...tensors.values()].map(({ name, type, shape, bytes }) => `${name} ${type.name} [${shape.join()}] ${bytes}`)
    expect(shown).toEqual([
      'f32 F32 [3,5] 60',
      'f16 F16 [3,5] 30',
      'bf16 BF16 [3,5] 30',
      'q8_0 Q8_0 [3,256] 816',
      'q4_0 Q4_0 [3,256] 432',
      'q4_1 Q4_1 [3,256] 480',
      'q5_0 Q5_0 [3,256] 528',
      'q5_1 Q5_1 [3,256] 576',
      'q2_k Q2_K [3,256] 252',
      'q3_k Q3_K [3,256] 330',
      'q4_k Q4_K [3,256] 432',
      'q5_k Q5_K [3,256] 528',
      'q6_k Q6_K [3,256] 630',
      'iq4_nl IQ4_NL [3,256] 432',
      'iq4_xs IQ4_XS [3,256] 408',
      'mxfp4 MXFP4 [3,256] 408',
    ])
  })
})

const open = (text: GgufText | Buffer): Promise<unknown> =>
  openGguf(bytesSource(Buffer.isBuffer(text) ? text : ggufBytes(text), 'hostile.gguf'))

const f32 = (name: string, offset: number | bigint, sizes: readonly (number | bigint)[] = [2]) => ({
  name,
  sizes,
  type: 0,
  offset,
})
const good = ggufBytes({ values: { a: { type: 'strings', value: ['x'.repeat(9), 'y'] } }, tensors: [f32('t', 0)], data: 32 })

const faults: Readonly<Record<string, readonly [GgufText | Buffer, RegExp]>> = {
  'another magic': [Buffer.from('GGML----------------------------'), /does not begin with 'GGUF'/],
  'an empty file': [Buffer.alloc(0), /the magic at byte 0 takes 4 bytes, and the file ends at byte 0/],
  'a version of the future': [{ version: 4 }, /of version 4: versions 2 and 3 are read/],
  'a big-endian file': [{ version: 0x03000000 }, /big-endian/],
  'more tensors than the file holds': [{ counts: { tensors: 2n ** 60n } }, /1152921504606846976 tensors/],
  'more values than the file holds': [{ counts: { values: 2n ** 64n - 1n } }, /18446744073709551615 values of metadata/],
  'a key twice': [
    Buffer.concat([
      ggufBytes({ counts: { values: 2n } }).subarray(0, 24),
      ...Array.from({ length: 2 }, () => ggufBytes({ values: { k: { type: 'u32', value: 1 } } }).subarray(24, 24 + 17)),
      Buffer.alloc(32),
    ]),
    /the key 'k' is there twice/,
  ],
  'a tensor twice': [{ tensors: [f32('t', 0), f32('t', 32)], data: 64 }, /tensor 't' is there twice/],
  'a name out of its place': [{ tensors: [f32('../t', 0)], data: 32 }, /is a path out of its place/],
  'five axes': [{ tensors: [f32('t', 0, [1, 1, 1, 1, 1])], data: 32 }, /5 axes, more than 4/],
  'sizes beyond 2^64': [{ tensors: [f32('t', 0, [2n ** 63n, 2n ** 63n])], data: 32 }, /takes more than 2\^64 bytes/],
  'data beyond the end': [{ tensors: [f32('t', 32)], data: 32 }, /takes 8 bytes from byte 96, and the file has 96/],
  'an offset of no alignment': [{ tensors: [f32('t', 4)], data: 64 }, /at byte 4, no multiple of 32/],
  'an alignment of 3': [{ values: { 'general.alignment': { type: 'u32', value: 3 } } }, /multiple of 8, not 3/],
  'overlapping tensors': [{ tensors: [f32('a', 0, [12]), f32('b', 32)], data: 96 }, /tensor 'b' overlaps tensor 'a'/],
  'a type that was given up': [{ tensors: [{ ...f32('t', 0), type: 4 }], data: 32 }, /the unknown type 4/],
  'a row that ends inside a block': [
    { tensors: [{ name: 't', sizes: [33, 2], type: 8, offset: 0 }], data: 96 },
    /rows of 33 elements: Q8_0 encodes 32 at a time/,
  ],
}

test.each(Object.entries(faults))('%s is refused', async (_, [text, reason]) => {
  await expect(open(text)).rejects.toThrow(CheckpointError)
  await expect(open(text)).rejects.toThrow(reason)
})

test('a file that is cut anywhere inside its header is refused', async () => {
  const header = good.length - 64
  for (let length = 0; length <= header; length++)
    await expect(open(good.subarray(0, length)), `${length} bytes`).rejects.toThrow(CheckpointError)
})

test('a header longer than the first bytes that are fetched is read whole', async () => {
  const tokens = Array.from({ length: 200_000 }, (_, at) => `token ${at}`)
  const bytes = ggufBytes({ values: { tokens: { type: 'strings', value: tokens } }, tensors: [f32('t', 0)], data: 32 })
  const { values } = await openGguf(bytesSource(bytes))
  expect(values.get('tokens')).toEqual(tokens)
})

test('an array of arrays is refused, whatever its depth', async () => {
  const deep = Buffer.concat([Buffer.from([9, 0, 0, 0]), Buffer.alloc(100_000, Buffer.from([9, 0, 0, 0]))])
  const start = ggufBytes({ values: { k: { type: 'u32', value: 0 } } }).subarray(0, 24 + 9)
  await expect(open(Buffer.concat([start, deep]))).rejects.toThrow(/array of arrays/)
})
