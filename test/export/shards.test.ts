import { expect, test } from 'vitest'
import { shardsOf, weightFiles } from '../../cli/export/shards.ts'
import type { ExportedTensor } from '../../cli/export/tensors.ts'

test('a shard has as many tensors as fit, and a larger one stands alone', () => {
  const sizes = (limit: number): readonly (readonly number[])[] =>
    shardsOf(
      [3, 4, 9, 1, 2, 5].map((bytes) => ({ bytes })),
      limit,
    ).map((shard) => shard.map(({ bytes }) => bytes))
  expect(sizes(7)).toEqual([[3, 4], [9], [1, 2], [5]])
  expect(sizes(100)).toEqual([[3, 4, 9, 1, 2, 5]])
  expect(shardsOf([], 5)).toEqual([])
})

const tensor = (name: string, dtype: 'F32' | 'BF16', bytes: number): ExportedTensor => ({
  name,
  dtype,
  shape: [bytes / (dtype === 'F32' ? 4 : 2)],
  bytes,
  pieces: () => [new Uint8Array(bytes)],
})

test('wide elements lie before narrow ones, so that each tensor is aligned', async () => {
  const [file] = weightFiles([tensor('a', 'BF16', 6), tensor('b', 'F32', 8)], 1e9)
  const pieces: Uint8Array[] = []
  for await (const piece of file.pieces) pieces.push(piece)
  const header = JSON.parse(Buffer.from(pieces[0].subarray(8)).toString()) as Record<string, { data_offsets: number[] }>
  expect([header.b.data_offsets, header.a.data_offsets]).toEqual([
    [0, 8],
    [8, 14],
  ])
  expect(header.__metadata__).toEqual({ format: 'pt' })
  expect(Buffer.concat(pieces).length).toBe(file.bytes)
})

test('several shards have an index of all tensors', async () => {
  const files = weightFiles([tensor('b', 'F32', 8), tensor('a', 'F32', 8)], 8)
  expect(files.map(({ name }) => name)).toEqual([
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
  ])
  const pieces: Uint8Array[] = []
  for await (const piece of files[2].pieces) pieces.push(piece)
  expect(JSON.parse(Buffer.concat(pieces).toString())).toEqual({
    metadata: { total_size: 16 },
    weight_map: { a: 'model-00002-of-00002.safetensors', b: 'model-00001-of-00002.safetensors' },
  })
})
