import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { openSafetensors } from '../../../runtime/checkpoint/safetensors.ts'
import { bytesSource } from '../../../runtime/checkpoint/source.ts'
import { readTensor } from '../../../runtime/checkpoint/tensor.ts'
import { CheckpointError } from '../../../runtime/errors.ts'
import { assertProperty } from '../../support/property.ts'

const corpus = join(import.meta.dirname, '../../fixtures/safetensors')
const verdicts = JSON.parse(readFileSync(join(corpus, 'verdicts.json'), 'utf8')) as Record<
  string,
  { case: string; wanted: string }
>

describe('the corpus', () => {
  test.each(Object.entries(verdicts))('%s', async (file, { wanted }) => {
    const bytes = readFileSync(join(corpus, file))
    const opened = openSafetensors(bytesSource(bytes, file))
    if (wanted === 'accept') expect((await opened).name).toBe(file)
    else await expect(opened).rejects.toThrow(CheckpointError)
  })
})

test('what is written is read again, in the order of names', async () => {
  const tensors = {
    '10': { shape: [2, 2], data: Float32Array.of(1, -2, 3.5, 0) },
    '9': { shape: [], data: Int32Array.of(-7) },
    empty: { shape: [0, 3], data: new Uint32Array(0) },
  }
  const checkpoint = await openSafetensors(bytesSource(encodeSafetensors(tensors, { format: 'pt' })))
  expect(checkpoint.metadata.format).toBe('pt')
  expect([...checkpoint.tensors.keys()]).toEqual(['10', '9', 'empty'])
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    expect(await readTensor(checkpoint, name)).toEqual({ shape, data })
  }
})

function file(header: unknown, data: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header))
  const all = new Uint8Array(8 + json.length + data.length)
  new DataView(all.buffer).setBigUint64(0, BigInt(json.length), true)
  all.set(json, 8)
  all.set(data, 8 + json.length)
  return all
}

test.each([
  ['F16', [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c], [1, -2, 2 ** -24, Infinity]],
  ['BF16', [0x80, 0x3f, 0x00, 0xc0, 0x00, 0x00, 0x80, 0xff], [1, -2, 0, -Infinity]],
  ['BOOL', [0, 1, 1], [0, 1, 1]],
  ['I16', [0xff, 0xff, 2, 0], [-1, 2]],
])('%s is read', async (dtype, bytes, values) => {
  const header = { a: { dtype, shape: [values.length], data_offsets: [0, bytes.length] } }
  const checkpoint = await openSafetensors(bytesSource(file(header, Uint8Array.from(bytes))))
  expect([...(await readTensor(checkpoint, 'a')).data].map(Number)).toEqual(values)
})

test('f64 and i64 keep their width', async () => {
  const data = new Uint8Array(16)
  new DataView(data.buffer).setFloat64(0, Math.PI, true)
  new DataView(data.buffer).setBigInt64(8, -(2n ** 40n), true)
  const header = { a: { dtype: 'F64', shape: [1], data_offsets: [0, 8] }, b: { dtype: 'I64', shape: [1], data_offsets: [8, 16] } }
  const checkpoint = await openSafetensors(bytesSource(file(header, data)))
  expect((await readTensor(checkpoint, 'a')).data[0]).toBe(Math.PI)
  expect((await readTensor(checkpoint, 'b')).data[0]).toBe(-(2n ** 40n))
})

test('random bytes and broken headers are refused, never more', async () => {
  const valid = encodeSafetensors({ a: { shape: [2], data: Float32Array.of(1, 2) } }, { k: 'v' })
  const broken = fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
    const bytes = valid.slice()
    bytes[at] = byte
    return bytes
  })
  await assertProperty(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), broken), async (bytes) => {
      await openSafetensors(bytesSource(bytes)).catch((error: unknown) => expect(error).toBeInstanceOf(CheckpointError))
    }),
  )
})

test('a Buffer, a view of more than the file, is read as the file', async () => {
  const x = Float32Array.of(1, -2, 3)
  const whole = Buffer.concat([Buffer.alloc(16, 7), encodeSafetensors({ x: { shape: [3], data: x } }), Buffer.alloc(9, 7)])
  const checkpoint = await openSafetensors(bytesSource(whole.subarray(16, -9), 'a'))
  expect([...(await readTensor(checkpoint, 'x')).data]).toEqual([...x])
})
