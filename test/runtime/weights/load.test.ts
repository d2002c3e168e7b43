import { expect, test } from 'vitest'
import type { WeightPort, WeightSlice } from '../../../plan/plan.ts'
import { storageIn, type FormatName } from '../../../plan/storage/formats.ts'
import { openSafetensors } from '../../../runtime/checkpoint/safetensors.ts'
import { bytesSource } from '../../../runtime/checkpoint/source.ts'
import {
  createSession,
  memoryCheckpoint,
  openDevice,
  WeightError,
  type Checkpoint,
  type HostData,
  type LoadOptions,
} from '../../../runtime/index.ts'
import { createNullAdapter } from '../../../runtime/null/adapter.ts'
import { randomStored, storedCheckpoint } from '../../support/stored-weights.ts'
import { addPlan, buffer } from '../plans.ts'

interface Wanted {
  readonly shape: readonly number[]
  readonly tensors?: readonly string[]
  readonly slices?: readonly WeightSlice[]
  readonly transpose?: boolean
  readonly dtype?: 'f32' | 'i32'
  readonly parts?: number
  readonly partElements?: number
  readonly format?: FormatName
}

/** Loads one weight on an adapter that gives back as output what the weight's buffer holds. */
async function load(wanted: Wanted, checkpoint: Checkpoint, options: LoadOptions = {}): Promise<HostData> {
  const { shape, tensors = ['w'], slices = [], transpose = false, dtype = 'f32', parts = 1, partElements = null } = wanted
  const storage = wanted.format === undefined ? {} : { storage: storageIn(wanted.format, shape.at(-1)!) }
  const sizes = shape.map(String)
  const weight: WeightPort = {
    name: 'layer.w',
    dtype,
    ...storage,
    shape: sizes,
    buffer: 2,
    doc: '',
    stacked: tensors.length > 1,
    pieces: tensors.map((tensor) => ({ tensor, slices, transpose })),
  }
  const elements = String(shape.reduce((all, size) => all * size, 1))
  const plan = addPlan({
    weights: [weight],
    kernels: [],
    dims: [],
    inputs: [],
    outputs: [{ name: 'y', dtype, shape: sizes, buffer: 2, doc: '' }],
    buffers: [{ ...buffer(2, 'w', 'weight', elements, dtype), ...storage, parts, partElements }],
    programs: [{ name: 'any', when: null, slots: [], placement: [], steps: [] }],
  })
  const session = await createSession(await openDevice(createNullAdapter().adapter), plan)
  await session.loadWeights(checkpoint, options)
  return (await session.run({})).y
}

const count = (...shape: number[]): HostData => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((all, size) => all * size, 1) }, (_, at) => at),
})

const problemsOf = async (loading: Promise<unknown>) => {
  const failure = await loading.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(WeightError)
  return (failure as WeightError).problems
}

test('a weight as it is', async () => {
  expect(await load({ shape: [3, 4] }, memoryCheckpoint({ w: count(3, 4) }))).toEqual(count(3, 4))
})

test('a transposed weight', async () => {
  const { data } = await load({ shape: [4, 3], transpose: true }, memoryCheckpoint({ w: count(3, 4) }))
  expect([...data]).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
})

test('every second row of matrices in one tensor, transposed', async () => {
  const slices: WeightSlice[] = [{ kind: 'all' }, { kind: 'all' }, { kind: 'range', start: 1, stop: null, step: 2 }]
  const { data } = await load({ shape: [2, 2, 3], slices, transpose: true }, memoryCheckpoint({ w: count(2, 3, 4) }))
  expect([...data]).toEqual([1, 5, 9, 3, 7, 11, 13, 17, 21, 15, 19, 23])
})

test('one tensor an expert, stacked, over the borders of parts', async () => {
  const tensors = ['e0', 'e1', 'e2']
  const [a, b, c] = [0, 100, 200].map((start): HostData => ({
    shape: [2, 3],
    data: count(2, 3).data.map((value) => value + start),
  }))
  const { shape, data } = await load(
    { shape: [3, 2, 3], tensors, parts: 5, partElements: 4 },
    memoryCheckpoint({ e0: a, e1: b, e2: c }),
  )
  expect(shape).toEqual([3, 2, 3])
  expect([...data]).toEqual([...a.data, ...b.data, ...c.data])
})

function fileOf(dtype: string, shape: readonly number[], bytes: ArrayBuffer): Promise<Checkpoint> {
  const json = new TextEncoder().encode(JSON.stringify({ w: { dtype, shape, data_offsets: [0, bytes.byteLength] } }))
  const all = new Uint8Array(8 + json.length + bytes.byteLength)
  new DataView(all.buffer).setBigUint64(0, BigInt(json.length), true)
  all.set(json, 8)
  all.set(new Uint8Array(bytes), 8 + json.length)
  return openSafetensors(bytesSource(all, 'model.safetensors'))
}

test('bf16 and f16 become f32, i64 becomes i32', async () => {
  const brain = await fileOf('BF16', [2], Uint16Array.of(0x3f80, 0xc000).buffer)
  expect((await load({ shape: [2] }, brain)).data).toEqual(Float32Array.of(1, -2))
  const half = await fileOf('F16', [2], Uint16Array.of(0x3c00, 0x0001).buffer)
  expect((await load({ shape: [2] }, half)).data).toEqual(Float32Array.of(1, 2 ** -24))
  const long = await fileOf('I64', [2], BigInt64Array.of(-3n, 2n ** 31n - 1n).buffer)
  expect((await load({ shape: [2], dtype: 'i32' }, long)).data).toEqual(Int32Array.of(-3, 2147483647))
})

test('a whole number beyond the type is told', async () => {
  const long = await fileOf('I64', [2], BigInt64Array.of(1n, 2n ** 31n).buffer)
  expect(await problemsOf(load({ shape: [2], dtype: 'i32' }, long))).toMatchObject([
    { code: 'range', weight: 'layer.w', tensor: 'w' },
  ])
})

test('a missing tensor is named with those that are near', async () => {
  const checkpoint = memoryCheckpoint({ 'model.layers.0.mlp.wieght': count(2) })
  expect(await problemsOf(load({ shape: [2], tensors: ['model.layers.0.mlp.weight'] }, checkpoint))).toMatchObject([
    {
      code: 'missing',
      near: ['model.layers.0.mlp.wieght'],
      message: expect.stringContaining('did you mean model.layers.0.mlp.wieght?') as string,
    },
    { code: 'extra', weight: null },
  ])
})

test.each([
  [{ shape: [4, 3] }, 'layer.w expects f32[4, 3] from w; the file has F32[3, 4]'],
  [{ shape: [3, 4], transpose: true }, 'layer.w expects f32[3, 4] from w; the file has F32[3, 4], [4, 3] after transposing'],
  [{ shape: [12] }, 'layer.w expects f32[12] from w; the file has F32[3, 4]'],
  [
    { shape: [4], slices: [{ kind: 'index', at: 3 }] as const },
    'layer.w expects f32[4] from w; the file has F32[3, 4], and the spec asks for index 3 of axis 0, which has 3 entries',
  ],
])('a wrong shape is told: %j', async (wanted, message) => {
  expect(await problemsOf(load(wanted, memoryCheckpoint({ w: count(3, 4) })))).toEqual([
    { code: 'shape', weight: 'layer.w', tensor: 'w', near: [], message },
  ])
})

test("a type that does not become the weight's is told", async () => {
  const checkpoint = memoryCheckpoint({ w: { shape: [2], data: Int32Array.of(1, 2) } })
  expect(await problemsOf(load({ shape: [2] }, checkpoint))).toMatchObject([{ code: 'dtype' }])
})

test('tensors that no weight takes are refused, or reported where they are allowed', async () => {
  const checkpoint = memoryCheckpoint({ w: count(2), 'rotary.inv_freq': count(1) })
  expect(await problemsOf(load({ shape: [2] }, checkpoint))).toMatchObject([{ code: 'extra', tensor: 'rotary.inv_freq' }])
  expect((await load({ shape: [2] }, checkpoint, { allowExtra: true })).data).toEqual(count(2).data)
})

test('values that are not finite are counted where that is asked for', async () => {
  const checkpoint = memoryCheckpoint({ w: { shape: [3], data: Float32Array.of(1, NaN, -Infinity) } })
  expect((await load({ shape: [3] }, checkpoint)).data[0]).toBe(1)
  expect(await problemsOf(load({ shape: [3] }, checkpoint, { checkFinite: true }))).toMatchObject([
    { code: 'not-finite', message: 'layer.w, from w: 2 values are not finite' },
  ])
})

test('a checkpoint of another model is refused in seconds, its first names with those that are near', async () => {
  const names = Array.from(
    { length: 4000 },
    (_, at) => `model.layers.${at % 40}.mlp.experts.${Math.floor(at / 40)}.down_proj.weight`,
  )
  const other = memoryCheckpoint(Object.fromEntries(names.map((name) => [name, count(1)])))
  const error = await load({ shape: [4000, 1], tensors: names.map((name) => name.replace('down', 'dawn')) }, other).then(
    () => null,
    (problem: unknown) => problem as WeightError,
  )
  expect(error?.problems.filter(({ code }) => code === 'missing')).toHaveLength(4000)
  expect(error?.problems[19].near).not.toEqual([])
  expect(error?.problems[20].near).toEqual([])
}, 20_000)

test('long names and many axes of a file are cut in messages', async () => {
  const long = 'n'.repeat(4000)
  const axes = memoryCheckpoint({
    w: { shape: [...new Array<number>(63).fill(1), 2], data: new Float32Array(2) },
    [long]: count(1),
  })
  const error = await load({ shape: [2] }, axes).then(
    () => null,
    (problem: unknown) => problem as WeightError,
  )
  expect(error?.problems.map(({ code }) => code)).toEqual(['shape', 'extra'])
  expect(error?.message.length).toBeLessThan(500)
})

test.each(['bf16', 'f16'] as const)('a weight in %s keeps the codes of the file', async (format) => {
  const [a, b] = [randomStored(format, [3, 5], 1), randomStored(format, [3, 5], 2)]
  const stacked = await load({ shape: [2, 3, 5], tensors: ['a', 'b'], format }, storedCheckpoint({ a, b }))
  expect(stacked.data).toEqual(Float32Array.of(...a.values, ...b.values))
  const transposed = await load({ shape: [5, 3], transpose: true, format }, storedCheckpoint({ w: a }))
  expect(transposed.data).toEqual(Float32Array.from({ length: 15 }, (_, at) => a.values[(at % 3) * 5 + Math.floor(at / 3)]))
  const slices: readonly WeightSlice[] = [{ kind: 'range', start: 1, stop: null, step: 1 }]
  const cut = await load({ shape: [2, 5], slices, format, parts: 2, partElements: 8 }, storedCheckpoint({ w: a }))
  expect(cut.data).toEqual(a.values.slice(5))
})

test('a weight that is converted has the nearest numbers, and values that a format cannot have are counted', async () => {
  const w = { shape: [4], data: Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -3e38) }
  const rounded = await load({ shape: [4], format: 'bf16' }, memoryCheckpoint({ w }))
  expect([...rounded.data]).toEqual([1, 1, 1 + 2 ** -6, Math.fround(-226 * 2 ** 120)])
  const problems = await problemsOf(load({ shape: [4], format: 'f16' }, memoryCheckpoint({ w })))
  expect(problems.map(({ message }) => message)).toEqual(['layer.w, from w: 1 values do not fit f16'])
})
