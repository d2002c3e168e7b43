/** Codes and scales of safetensors files as one tensor, against loops over the published layouts. */
import { describe, expect, test } from 'vitest'
import { openSafetensors } from '../../../../runtime/checkpoint/safetensors.ts'
import { openShards, type OpenFile } from '../../../../runtime/checkpoint/shards.ts'
import { bytesSource } from '../../../../runtime/checkpoint/source.ts'
import { readTensor } from '../../../../runtime/checkpoint/tensor.ts'
import type { Checkpoint } from '../../../../runtime/checkpoint/checkpoint.ts'
import { randomRaw, rawFile, rawFloats, type RawTensor } from '../../../support/raw-tensors.ts'

type Raw = Readonly<Record<string, RawTensor>>

const opened = (tensors: Raw): Promise<Checkpoint> => openSafetensors(bytesSource(rawFile(tensors), 'w.safetensors'))

const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6]

/** The element of each code, which is half a byte, by its place in the tensor. */
const mxfp4Of = ({ bytes }: RawTensor, scales: RawTensor): readonly number[] =>
  Array.from({ length: 2 * bytes.length }, (_, at) => {
    const code = at % 2 === 0 ? bytes[at >> 1] & 15 : bytes[at >> 1] >> 4
    return E2M1[code] * 2 ** (scales.bytes[Math.floor(at / 32)] - 127)
  })

function e4m3(code: number): number {
  const [exponent, fraction] = [(code >> 3) & 15, code & 7]
  const size = exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10)
  return code & 0x80 ? -size : size
}

/** By matrix, row and column. */
function fp8Of({ bytes, shape }: RawTensor, scales: readonly number[]): readonly number[] {
  const [rows, columns] = shape.slice(-2)
  const [high, wide] = [Math.ceil(rows / 128), Math.ceil(columns / 128)]
  return [...bytes].map((code, at) => {
    const [matrix, row, column] = [Math.floor(at / (rows * columns)), Math.floor(at / columns) % rows, at % columns]
    return Math.fround(e4m3(code) * scales[(matrix * high + (row >> 7)) * wide + (column >> 7)])
  })
}

const scalesOf = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => Math.fround((at + 1) / 7))

const fp8 = (shape: readonly number[], grid: readonly number[]): Raw => ({
  'a.weight': randomRaw('F8_E4M3', shape, 3, 127),
  'a.weight_scale_inv': rawFloats(grid, scalesOf(grid.reduce((all, size) => all * size, 1))),
})

const mxfp4: Raw = {
  'x.proj_blocks': randomRaw('U8', [3, 5, 2, 16], 1),
  'x.proj_scales': randomRaw('U8', [3, 5, 2], 2, 255),
  'x.proj_bias': rawFloats([3], [1, 2, 3]),
}

test('MXFP4: blocks and scales are one tensor, under the name without what is behind it', async () => {
  const checkpoint = await opened(mxfp4)
  expect([...checkpoint.tensors.values()]).toEqual([
    { name: 'x.proj_bias', dtype: 'F32', shape: [3], bytes: 12 },
    { name: 'x.proj', dtype: 'mxfp4', shape: [3, 5, 64], bytes: 3 * 5 * 2 * 17 },
  ])
  const { shape, data } = await readTensor(checkpoint, 'x.proj')
  expect(shape).toEqual([3, 5, 64])
  expect([...data]).toEqual(mxfp4Of(mxfp4['x.proj_blocks'], mxfp4['x.proj_scales']))
  expect(Number((await readTensor(checkpoint, 'x.proj_bias')).data[2])).toBe(3)
})

test.each([
  [
    [130, 257],
    [2, 3],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [128, 256],
    [1, 2],
  ],
  [
    [2, 3, 129, 127],
    [2, 3, 2, 1],
  ],
])('FP8 of shape %j, with scales %j', async (shape, grid) => {
  const tensors = fp8(shape, grid)
  const checkpoint = await opened(tensors)
  expect(checkpoint.tensors.get('a.weight')).toMatchObject({ dtype: 'fp8_128', shape })
  expect([...checkpoint.tensors.keys()]).toEqual(['a.weight'])
  const { data } = await readTensor(checkpoint, 'a.weight')
  const scales = scalesOf(grid.reduce((all, size) => all * size, 1))
  expect([...data]).toEqual(fp8Of(tensors['a.weight'], scales))
})

test('scales in bf16 are read too', async () => {
  const bytes = new Uint8Array(Uint16Array.of(0x3f80, 0x4000).buffer)
  const tensors: Raw = { ...fp8([2, 200], [1, 2]), 'a.weight_scale_inv': { dtype: 'BF16', shape: [1, 2], bytes } }
  const { data } = await readTensor(await opened(tensors), 'a.weight')
  expect([...data]).toEqual(fp8Of(tensors['a.weight'], [1, 2]))
})

test('any range of bytes is that of the whole', async () => {
  const checkpoint = await opened({ ...fp8([130, 257], [2, 3]), ...mxfp4 })
  for (const name of ['a.weight', 'x.proj']) {
    const { bytes } = checkpoint.tensors.get(name)!
    const whole = await checkpoint.read(name, 0, bytes)
    for (const [from, length] of [
      [0, 0],
      [1, 1],
      [bytes - 1, 1],
      [16, 400],
      [131, 2],
      [bytes - 300, 300],
    ])
      expect(await checkpoint.read(name, from, length), `${name} ${from} ${length}`).toEqual(whole.subarray(from, from + length))
    await expect(checkpoint.read(name, bytes - 1, 2)).rejects.toThrow(/has \d+ bytes, not 2 at/)
  }
  await expect(checkpoint.read('x.proj_blocks', 0, 1)).rejects.toThrow(/has no tensor 'x.proj_blocks'/)
})

test('codes and scales may be in different shards', async () => {
  const { 'a.weight': codes, 'a.weight_scale_inv': scales } = fp8([130, 257], [2, 3])
  const files: Readonly<Record<string, Uint8Array>> = {
    '1.safetensors': rawFile({ 'a.weight': codes }),
    '2.safetensors': rawFile({ 'a.weight_scale_inv': scales }),
  }
  const index = JSON.stringify({ weight_map: { 'a.weight': '1.safetensors', 'a.weight_scale_inv': '2.safetensors' } })
  const open: OpenFile = async (name) => (Object.hasOwn(files, name) ? bytesSource(files[name], name) : null)
  const checkpoint = await openShards(bytesSource(new TextEncoder().encode(index), 'index.json'), open)
  const { data } = await readTensor(checkpoint, 'a.weight')
  expect([...data]).toEqual(fp8Of(codes, scalesOf(6)))
})

test('other tensors of the same dtypes stay as they are', async () => {
  const tensors = {
    ids_blocks: randomRaw('I32', [2, 16], 1),
    'a.weight': randomRaw('F8_E4M3', [2, 2], 1),
    scales: randomRaw('U8', [4], 1),
  }
  const checkpoint = await opened(tensors)
  expect([...checkpoint.tensors.values()].map(({ dtype }) => dtype)).toEqual(['I32', 'F8_E4M3', 'U8'])
})

describe('is refused before anything is read', () => {
  const refusals: readonly (readonly [title: string, tensors: Raw, message: string])[] = [
    [
      'scales without codes',
      { 'x.proj_scales': randomRaw('U8', [3, 5, 2], 1) },
      "'x.proj_scales' has no codes beside it: MXFP4 has U8 in 'x.proj_blocks'",
    ],
    [
      'codes without scales',
      { 'x.proj_blocks': randomRaw('U8', [3, 5, 2, 16], 1) },
      "'x.proj_blocks' has codes, and the file has no 'x.proj_scales' beside it (MXFP4)",
    ],
    [
      'scales of an FP8 weight that is not there',
      { 'a.weight_scale_inv': rawFloats([1], [1]) },
      "'a.weight_scale_inv' has no codes beside it: FP8 in squares of 128 x 128 has F8_E4M3 in 'a.weight'",
    ],
    [
      'too few scales',
      fp8([130, 257], [2, 2]),
      "'a.weight_scale_inv' has the shape [2, 2], not [2, 3]: a scale for each 128 x 128",
    ],
    ['scales of one axis', fp8([130, 257], [6]), "'a.weight_scale_inv' has the shape [6], not [2, 3]"],
    ['a vector of FP8', fp8([130], [2]), "'a.weight' has the shape [130]: no matrix"],
    ['no rows', fp8([0, 4], [0, 1]), "'a.weight' has the shape [0, 4]: no matrix"],
    [
      'blocks of another size',
      { ...mxfp4, 'x.proj_blocks': randomRaw('U8', [3, 5, 2, 15], 1) },
      "'x.proj_blocks' has the shape [3, 5, 2, 15], not [..., rows, blocks, 16]",
    ],
    [
      'fewer scales than blocks',
      { ...mxfp4, 'x.proj_scales': randomRaw('U8', [3, 5, 1], 1) },
      "'x.proj_scales' has the shape [3, 5, 1], not [3, 5, 2]: a scale for each block of 'x.proj_blocks'",
    ],
    [
      'a weight that is there twice',
      { ...mxfp4, 'x.proj': rawFloats([1], [1]) },
      "'x.proj' is there twice: as it is, and as 'x.proj_blocks'",
    ],
    [
      'a name that is no name',
      { __proto___blocks: mxfp4['x.proj_blocks'], __proto___scales: mxfp4['x.proj_scales'] },
      'the tensor name "__proto__" is reserved',
    ],
  ]
  test.each(refusals)('%s', async (_, tensors, message) => {
    const error = await opened(tensors).catch((problem: unknown) => problem)
    expect(error).toMatchObject({ kind: 'checkpoint' })
    expect((error as Error).message).toContain(`w.safetensors: ${message}`)
  })
})
