import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCheckpoint, writeSafetensors } from '../../../runtime/checkpoint/files.ts'
import { openModel } from '../../../runtime/checkpoint/shards.ts'
import { blobSource, bytesSource, urlSource } from '../../../runtime/checkpoint/source.ts'
import { encodeSafetensors, type FileData } from '../../../runtime/checkpoint/encode.ts'
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
  await writeFile(join(directory, 'file'), '')
  await expect(writeSafetensors(join(directory, 'file/such.safetensors'), { a })).rejects.toThrow(
    /cannot be written: a part of the path is not a directory \(ENOTDIR\)/,
  )
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
  ['{"weight_map":{"a":"../s-1.safetensors"}}', 'which is not a file name'],
  ['{"weight_map":{"a":3}}', 'which is not a file name'],
  ['{"weight_map":{"a":"gone.safetensors"}}', 'the shard gone.safetensors is not there'],
  ['{"weight_map":{"z":"s.safetensors"}}', "tensor 'z' is said to be in s.safetensors, which does not have it"],
])('an index %s is refused', async (text, why) => {
  const files: Record<string, Uint8Array> = {
    'model.safetensors.index.json': new TextEncoder().encode(text),
    's.safetensors': encodeSafetensors({ a }),
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
    return new Response(bytes.slice(from, to + 1), {
      status: 206,
      headers: { 'content-range': `bytes ${from}-${to}/${bytes.length}` },
    })
  }) as typeof fetch
  for (const source of [blobSource(new Blob([bytes])), await urlSource('https://host/model.safetensors', serve)]) {
    expect(await readTensor(await openSafetensors(source), 'a')).toEqual(a)
  }
  expect(asked).toHaveLength(4)
  await expect(urlSource('https://host/x', (async () => new Response('all of it')) as typeof fetch)).rejects.toThrow(
    'does not answer ranges',
  )
})

describe('what a folder holds is read in one way, or refused', () => {
  const index = (map: Readonly<Record<string, string>>): string =>
    `{"metadata": {"total_size": NaN}, "weight_map": ${JSON.stringify(map)}}`

  async function folder(files: Readonly<Record<string, string | Readonly<Record<string, FileData>>>>): Promise<string> {
    const path = await mkdtemp(join(directory, 'folder-'))
    for (const [name, contents] of Object.entries(files)) {
      if (typeof contents === 'string') await writeFile(join(path, name), contents)
      else await writeSafetensors(join(path, name), contents)
    }
    return path
  }

  async function namesIn(path: string): Promise<readonly string[]> {
    const checkpoint = await openCheckpoint(path)
    await checkpoint.close()
    return [...checkpoint.tensors.keys()]
  }

  test('a directory or a broken link of a known name is named with what it is', async () => {
    for (const name of ['model.safetensors', 'model.safetensors.index.json', 's.safetensors']) {
      const files: Readonly<Record<string, string>> =
        name === 's.safetensors' ? { 'model.safetensors.index.json': index({ a: name }) } : {}
      const [withDirectory, withLink] = [await folder(files), await folder(files)]
      await mkdir(join(withDirectory, name))
      await symlink('gone', join(withLink, name))
      await expect(openCheckpoint(withDirectory)).rejects.toThrow(
        `${join(withDirectory, name)}: is a directory, not a regular file`,
      )
      await expect(openCheckpoint(withLink)).rejects.toThrow(`${join(withLink, name)}: is a link that leads to no file`)
    }
  })

  test('a single file beside the index of other files is refused, and each can be named', async () => {
    const path = await folder({
      'model.safetensors': { a },
      'model-1.safetensors': { b },
      'model.safetensors.index.json': index({ b: 'model-1.safetensors' }),
    })
    await expect(openCheckpoint(path)).rejects.toThrow(
      'has both model.safetensors and model.safetensors.index.json, which names other files (model-1.safetensors): give the path of the one to read',
    )
    expect(await namesIn(join(path, 'model.safetensors'))).toEqual(['a'])
    expect(await namesIn(join(path, 'model.safetensors.index.json'))).toEqual(['b'])
  })

  test('an index of the single file alone is the same checkpoint', async () => {
    expect(
      await namesIn(
        await folder({ 'model.safetensors': { a, b }, 'model.safetensors.index.json': index({ a: 'model.safetensors' }) }),
      ),
    ).toEqual(['a', 'b'])
  })

  test('a broken index beside a single file is refused', async () => {
    await expect(
      openCheckpoint(await folder({ 'model.safetensors': { a }, 'model.safetensors.index.json': '{' })),
    ).rejects.toThrow('is not JSON')
  })

  test('older files and other indexes beside it are not read', async () => {
    expect(
      await namesIn(
        await folder({ 'model.safetensors': { a }, 'pytorch_model.bin': 'x', 'model.safetensors.index.fp16.json': '{' }),
      ),
    ).toEqual(['a'])
  })

  test('what could have been meant is named', async () => {
    await expect(openCheckpoint(await folder({ 'pytorch_model.bin': 'x' }))).rejects.toThrow(
      'it has pytorch_model.bin, and only safetensors and GGUF files are read',
    )
    await expect(openCheckpoint(await folder({ 'other.safetensors': { a } }))).rejects.toThrow(
      'it has other.safetensors: give the path of the one to read',
    )
  })

  test('a tensor of a shard that the index does not name is there all the same', async () => {
    expect(
      await namesIn(
        await folder({ 's-1.safetensors': { a, b }, 'model.safetensors.index.json': index({ a: 's-1.safetensors' }) }),
      ),
    ).toEqual(['a', 'b'])
  })

  test('a tensor that two shards have is refused', async () => {
    const path = await folder({
      's-1.safetensors': { a, b },
      's-2.safetensors': { b },
      'model.safetensors.index.json': index({ a: 's-1.safetensors', b: 's-2.safetensors' }),
    })
    await expect(openCheckpoint(path)).rejects.toThrow("tensor 'b' is in both s-1.safetensors and s-2.safetensors")
  })
})

describe('a refused checkpoint leaves no file open', () => {
  const open = (): number => readdirSync('/proc/self/fd').length
  const bad = encodeSafetensors({ a }).subarray(0, 20)
  const indexOf = (file: unknown): string => JSON.stringify({ weight_map: { a: 'good.safetensors', z: file } })
  const folders: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>> = {
    'a broken file': { 'model.safetensors': bad },
    'an index that is not JSON': { 'model.safetensors.index.json': '{' },
    'a broken shard': {
      'good.safetensors': encodeSafetensors({ a }),
      'bad.safetensors': bad,
      'model.safetensors.index.json': indexOf('bad.safetensors'),
    },
    'a shard that is not there': {
      'good.safetensors': encodeSafetensors({ a }),
      'model.safetensors.index.json': indexOf('gone.safetensors'),
    },
    'a shard without its tensor': {
      'good.safetensors': encodeSafetensors({ a }),
      'model.safetensors.index.json': indexOf('good.safetensors'),
    },
    both: {
      'good.safetensors': encodeSafetensors({ a }),
      'model.safetensors': encodeSafetensors({ a }),
      'model.safetensors.index.json': indexOf('good.safetensors'),
    },
    neither: { 'other.safetensors': bad },
  }

  test.skipIf(!existsSync('/proc/self/fd')).each(Object.entries(folders))('%s', async (_, files) => {
    const path = await mkdtemp(join(directory, 'refused-'))
    for (const [name, contents] of Object.entries(files)) await writeFile(join(path, name), contents)
    const paths = [
      path,
      ...Object.keys(files)
        .filter((name) => !name.startsWith('good'))
        .map((name) => join(path, name)),
    ]
    const before = open()
    let refused = 0
    for (let time = 0; time < 50; time++) {
      for (const one of paths) {
        await openCheckpoint(one).then(
          (checkpoint) => checkpoint.close(),
          (error: unknown) => {
            expect(error).toBeInstanceOf(CheckpointError)
            refused++
          },
        )
      }
    }
    expect(refused).toBeGreaterThanOrEqual(50)
    expect(open()).toBeLessThanOrEqual(before + 1)
  })
})
