/** Keys and values of latent attention that lie in two tensors, read as one. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Checkpoint, TensorInfo } from '../../../../runtime/checkpoint/checkpoint.ts'
import { dtypeRecord, type ElementType } from '../../../../runtime/checkpoint/dtypes.ts'
import { joinLatent } from '../../../../runtime/checkpoint/gguf/latent.ts'
import { readTensor } from '../../../../runtime/checkpoint/tensor.ts'
import { elementCount } from '../../../../runtime/tensors.ts'
import { assertProperty } from '../../../support/property.ts'

type Shapes = Readonly<Record<string, readonly [ElementType, readonly number[]]>>

/** Each byte of a tensor is its place, so that every number is another one. */
function fileOf(shapes: Shapes): Checkpoint {
  const infos = Object.entries(shapes).map(([name, [dtype, shape]]): [string, TensorInfo] => [
    name,
    { name, dtype, shape, bytes: (elementCount(shape) * dtypeRecord(dtype).bits) / 8 },
  ])
  const tensors = new Map(infos)
  const read = (name: string, offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(Uint8Array.from({ length }, (_, at) => ((offset + at) * 7 + name.length) % 61))
  return { name: 'm.gguf', tensors, metadata: {}, hasUnitAxes: false, read, close: () => Promise.resolve() }
}

const KEYS = 'blk.0.attn_k_b.weight'
const VALUES = 'blk.0.attn_v_b.weight'
const JOINED = 'blk.0.attn_kv_b.weight'

/** Element by element, from the definition. */
async function defined(file: Checkpoint, [heads, rank, key, value]: readonly number[]): Promise<readonly number[]> {
  const [keys, values] = [(await readTensor(file, KEYS)).data, (await readTensor(file, VALUES)).data]
  const rows: number[] = []
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < key; row++) for (let at = 0; at < rank; at++) rows.push(Number(keys[(head * rank + at) * key + row]))
    for (let at = 0; at < value * rank; at++) rows.push(Number(values[head * value * rank + at]))
  }
  return rows
}

const TYPES: readonly (readonly [keys: ElementType, values: ElementType, joined: ElementType])[] = [
  ['BF16', 'BF16', 'BF16'],
  ['F16', 'F16', 'F16'],
  ['F32', 'F32', 'F32'],
  ['BF16', 'F32', 'F32'],
  ['q8_0', 'F16', 'F32'],
  ['q8_0', 'q4_0', 'F32'],
]

test.each(TYPES)('%s and %s are joined as %s', async (keys, values, joined) => {
  const sizes = [3, 32, 64, 2]
  const [heads, rank, key, value] = sizes
  const file = fileOf({ [KEYS]: [keys, [heads, rank, key]], [VALUES]: [values, [heads, value, rank]] })
  const one = joinLatent(file)
  expect([...one.tensors.keys()]).toEqual([JOINED])
  expect(one.tensors.get(JOINED)).toMatchObject({ dtype: joined, shape: [heads * (key + value), rank] })
  expect([...((await readTensor(one, JOINED)).data as Float32Array)]).toEqual(await defined(file, sizes))
})

test('any range of bytes is that of the whole tensor', async () => {
  const size = fc.integer({ min: 1, max: 5 })
  await assertProperty(
    fc.asyncProperty(size, size, size, size, fc.nat(), fc.nat(), async (heads, rank, key, value, a, b) => {
      const file = fileOf({ [KEYS]: ['BF16', [heads, rank, key]], [VALUES]: ['BF16', [heads, value, rank]] })
      const one = joinLatent(file)
      const { bytes } = one.tensors.get(JOINED)!
      const offset = a % (bytes + 1)
      const length = b % (bytes - offset + 1)
      const whole = await one.read(JOINED, 0, bytes)
      expect(await one.read(JOINED, offset, length)).toEqual(whole.slice(offset, offset + length))
    }),
  )
})

test('a file leaves out the axis of one head', () => {
  const one = joinLatent(fileOf({ [KEYS]: ['F32', [4, 3]], [VALUES]: ['F32', [2, 4]] }))
  expect(one.tensors.get(JOINED)!.shape).toEqual([5, 4])
})

test('another checkpoint stays as it is', () => {
  const file = fileOf({ 'blk.0.attn_q.weight': ['F32', [4, 3]] })
  expect(joinLatent(file)).toBe(file)
})

test.each<readonly [Shapes, string]>([
  [{ [KEYS]: ['F32', [2, 4, 3]] }, "has 'blk.0.attn_k_b.weight' without 'blk.0.attn_v_b.weight'"],
  [{ [VALUES]: ['F32', [2, 4, 3]] }, "has 'blk.0.attn_v_b.weight' without 'blk.0.attn_k_b.weight'"],
  [{ [KEYS]: ['F32', [2, 4, 3]], [VALUES]: ['F32', [2, 5, 3]] }, 'heads and channels of the latent differ'],
  [{ [KEYS]: ['F32', [2, 4, 3]], [VALUES]: ['F32', [3, 5, 4]] }, 'heads and channels of the latent differ'],
  [{ [KEYS]: ['F32', [2, 4, 0]], [VALUES]: ['F32', [2, 5, 4]] }, 'heads and channels of the latent differ'],
  [{ [KEYS]: ['F32', [4]], [VALUES]: ['F32', [2, 5, 4]] }, 'heads and channels of the latent differ'],
  [{ [KEYS]: ['I32', [2, 4, 3]], [VALUES]: ['F32', [2, 5, 4]] }, "'blk.0.attn_k_b.weight' is I32: it must have real numbers"],
  [
    { [KEYS]: ['F32', [2, 4, 3]], [VALUES]: ['F32', [2, 5, 4]], [JOINED]: ['F32', [16, 4]] },
    "has 'blk.0.attn_kv_b.weight' beside its parts for keys and values",
  ],
])('%j is refused', (shapes, message) => {
  expect(() => joinLatent(fileOf(shapes))).toThrow(message)
})
