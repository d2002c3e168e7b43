import { expect, test } from 'vitest'
import type { WeightPiece } from '../../../plan/plan.ts'
import type { Checkpoint, Device } from '../../../runtime/index.ts'
import { memoryCheckpoint } from '../../../runtime/index.ts'
import { loadWeights } from '../../../runtime/weights/load.ts'
import { addPlan, buffer } from '../plans.ts'

const [CHUNK, TRANSPOSED] = [8 * 2 ** 20, 16 * 2 ** 20]

interface Traffic {
  /** Bytes of the largest read, and of all. */
  largestRead: number
  read: number
  /** Most reads that were under way, or whose bytes were not used yet. */
  open: number
  /** Bytes of the largest array that the host wrote from. */
  largestStaging: number
}

/** Loads one f32 weight from a tensor of values 0, 1, ... Returns what the device got, and what the host held on the way. */
async function load(shape: readonly number[], piece: WeightPiece, wanted: readonly number[]) {
  const data = Float32Array.from({ length: shape.reduce((all, size) => all * size, 1) }, (_, at) => at)
  const traffic: Traffic = { largestRead: 0, read: 0, open: 0, largestStaging: 0 }
  const file = memoryCheckpoint({ w: { shape, data } })
  let open = 0
  const checkpoint: Checkpoint = {
    ...file,
    read: async (name, offset, count) => {
      traffic.open = Math.max(traffic.open, ++open)
      traffic.largestRead = Math.max(traffic.largestRead, count)
      traffic.read += count
      return (await file.read(name, offset, count)).slice()
    },
  }
  const got = new Float32Array(wanted.reduce((all, size) => all * size, 1))
  const device = {
    write: (_: unknown, offset: number, from: Float32Array, start: number, count: number) => {
      traffic.largestStaging = Math.max(traffic.largestStaging, from.buffer.byteLength)
      got.set(from.subarray(start, start + count), offset / 4)
    },
    guard: async (_: string, work: () => void) => {
      open = 1
      work()
    },
    settle: async () => {},
  } as unknown as Device
  const sizes = wanted.map(String)
  const weight = { name: 'w', dtype: 'f32', shape: sizes, buffer: 2, doc: '', stacked: false, pieces: [piece] } as const
  const plan = addPlan({ weights: [weight], buffers: [buffer(2, 'w', 'weight', sizes.join(' * '))] })
  const bytes = 4 * got.length
  const part = { buffer: {}, offset: 0, size: bytes, elements: got.length, contents: bytes, bytes: 4 } as never
  await loadWeights(device, plan, new Map([[2, [part]]]), checkpoint)
  return { got, traffic }
}

test('a transposed matrix is staged in parts of one size, whatever its own', async () => {
  const [rows, columns] = [2050, 2100]
  const { got, traffic } = await load([rows, columns], { tensor: 'w', slices: [], transpose: true }, [columns, rows])
  expect(4 * rows * columns).toBeGreaterThan(TRANSPOSED)
  expect(traffic.largestRead).toBeLessThanOrEqual(CHUNK)
  expect(traffic.largestStaging).toBeLessThanOrEqual(TRANSPOSED)
  expect(traffic.open).toBeLessThanOrEqual(2)
  const isRight = got.every((value, at) => value === (at % rows) * columns + Math.floor(at / rows))
  expect(isRight).toBe(true)
})

test('a tensor that is longer than a chunk is written from what was read, and no more is held', async () => {
  const shape = [3, 2 ** 20]
  const { got, traffic } = await load(shape, { tensor: 'w', slices: [], transpose: false }, shape)
  expect(traffic).toEqual({ largestRead: CHUNK, read: 4 * got.length, open: 2, largestStaging: CHUNK })
  expect(got.every((value, at) => value === at)).toBe(true)
})

test('long gaps between slices are not read', async () => {
  const slices = [{ kind: 'all' }, { kind: 'range', start: 0, stop: 2 ** 15, step: 1 }] as const
  const { got, traffic } = await load([8, 2 ** 16], { tensor: 'w', slices, transpose: false }, [8, 2 ** 15])
  expect(traffic.read).toBe(4 * got.length)
  expect(got.every((value, at) => value === Math.floor(at / 2 ** 15) * 2 ** 16 + (at % 2 ** 15))).toBe(true)
})
