import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCheckpoint, writeSafetensors } from '../../../runtime/checkpoint/files.ts'
import { openModel } from '../../../runtime/checkpoint/shards.ts'
import { blobSource, bytesSource, urlSource } from '../../../runtime/checkpoint/source.ts'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { openSafetensors } from '../../../runtime/checkpoint/safetensors.ts'
import { readTensor } from '../../../runtime/checkpoint/tensor.ts'
import { CheckpointError } from '../../../runtime/errors.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'smoe-test-'))
})
afterAll(() => rm(directory, { recursive: true }))

const a = { shape: [2], data: Float32Array.of(1, 2) }
const b = { shape: [1], data: Int32Array.of(-1) }

test('what is written is whole, read again, and leaves nothing beside it', async () => {
  const path = join(directory, 'one.safetensors')
  await writeSafetensors(path, { a, b })
  await writeSafetensors(path, { b, a }, { note: 'again' })
  const checkpoint = await openCheckpoint(path)
  expect(await readTensor(checkpoint, 'a')).toEqual(a)
  expect(await readTensor(checkpoint, 'b')).toEqual(b)
  await checkpoint.close()
  await checkpoint.close()
  expect((await readdir(directory)).filter((name) => name.includes('one'))).toEqual(['one.safetensors'])
  expect(Uint8Array.from(await readFile(path))).toEqual(encodeSafetensors({ a, b }, { note: 'again' }))
})

test('a place that cannot be written is told, and so is a file that is not there', async () => {
  await expect(writeSafetensors(join(directory, 'no/such.safetensors'), { a })).rejects.toThrow(/cannot be written \(ENOENT\)/)
  await expect(openCheckpoint(join(directory, 'nothing'))).rejects.toThrow(CheckpointError)
  await expect(openCheckpoint(directory)).rejects.toThrow('has neither model.safetensors nor model.safetensors.index.json')
})

test('shards are read as their index says', async () => {
  const shards = join(directory, 'model.safetensors.index.json')
  await writeSafetensors(join(directory, 's-1.safetensors'), { a })
  await writeSafetensors(join(directory, 's-2.safetensors'), { b })
  await writeFile(shards, JSON.stringify({ metadata: {}, weight_map: { a: 's-1.safetensors', b: 's-2.safetensors' } }))
  for (const path of [directory, shards]) {
    const checkpoint = await openCheckpoint(path)
    expect(await readTensor(checkpoint, 'b')).toEqual(b)
    expect([...checkpoint.tensors.keys()]).toEqual(['a', 'b'])
    await checkpoint.close()
  }
})

test.each([
  ['{', 'is not JSON'],
  ['{}', 'has no weight_map'],
  ['{"weight_map":{"a":"../s-1.safetensors"}}', 'which is no file name'],
  ['{"weight_map":{"a":3}}', 'which is no file name'],
  ['{"weight_map":{"a":"gone.safetensors"}}', 'the shard gone.safetensors is not there'],
  ['{"weight_map":{"z":"s.safetensors"}}', "tensor 'z' is said to be in s.safetensors, which does not have it"],
])('an index %s is refused', async (text, why) => {
  const files: Record<string, Uint8Array> = {
    'model.safetensors.index.json': new TextEncoder().encode(text), 's.safetensors': encodeSafetensors({ a }),
  }
  const open = async (name: string) => (Object.hasOwn(files, name) ? bytesSource(files[name], name) : null)
  await expect(openModel('here', open)).rejects.toThrow(why)
})

test('a blob and an address are read by range', async () => {
  const bytes = encodeSafetensors({ a, b }) as Uint8Array<ArrayBuffer>
  const asked: string[] = []
  const serve = (async (_url: unknown, init?: RequestInit) => {
    const range = (init?.headers as Record<string, string>).Range
    asked.push(range)
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(range)!.map(Number)
    return new Response(bytes.slice(from, to + 1), { status: 206, headers: { 'content-range': `bytes ${from}-${to}/${bytes.length}` } })
  }) as typeof fetch
  for (const source of [blobSource(new Blob([bytes])), await urlSource('https://host/model.safetensors', serve)]) {
    expect(await readTensor(await openSafetensors(source), 'a')).toEqual(a)
  }
  expect(asked).toHaveLength(4)
  await expect(urlSource('https://host/x', (async () => new Response('all of it')) as typeof fetch)).rejects.toThrow('does not answer ranges')
})
