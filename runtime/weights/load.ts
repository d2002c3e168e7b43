/** Streams weights from a checkpoint to the device. The host holds one chunk at a time, or one matrix if it is transposed. */

import { BYTES, type Plan, type StorageType } from '../../plan/plan.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { dtypeRecord, type NumberArray } from '../checkpoint/dtypes.ts'
import { cut } from '../checkpoint/quote.ts'
import type { Device, Part } from '../device.ts'
import { WeightError, type WeightProblem } from '../errors.ts'
import { arrayOf, elementCount, type HostArray } from '../tensors.ts'
import { elementsOf, inRange } from './convert.ts'
import { matchWeights, type Match } from './match.ts'
import { matrixElements, stridedCopies, type StridedCopy } from './view.ts'

export interface LoadOptions {
  /** Allow tensors that no weight uses. They are reported either way. */
  readonly allowExtra?: boolean
  /** Load-time constants, read instead of computed. */
  readonly held?: Checkpoint
  /** Throw a WeightError for weights with NaN or infinite values. */
  readonly checkFinite?: boolean
  /** Called after each tensor with the bytes read so far and in all. */
  readonly onProgress?: (done: number, all: number) => void
}

export interface LoadReport {
  readonly weights: number
  readonly tensors: number
  /** Bytes read from the checkpoint. */
  readonly bytes: number
  readonly extra: readonly string[]
}

/** Bytes of one read. */
const CHUNK_BYTES = 8 * 2 ** 20

interface Chunk {
  readonly copies: readonly StridedCopy[]
  /** They read elements first..end-1 of the tensor. */
  readonly first: number
  readonly end: number
}

const endOf = ({ from, stride: step, count }: StridedCopy): number => from + (count - 1) * step + 1

/** Groups consecutive copies while their elements fit one chunk. */
function* chunksOf(copies: Iterable<StridedCopy>, limit: number): Generator<Chunk> {
  let chunk: StridedCopy[] = []
  let first = 0
  let end = 0
  for (const copy of copies) {
    if (chunk.length > 0 && (copy.from < end || endOf(copy) - first > limit)) {
      yield { copies: chunk, first, end }
      chunk = []
    }
    if (chunk.length === 0) first = copy.from
    chunk.push(copy)
    end = endOf(copy)
  }
  if (chunk.length > 0) yield { copies: chunk, first, end }
}

/** Writes `count` elements of a weight from element `start` on, across its parts. */
function writeRange(device: Device, parts: readonly Part[], data: HostArray, start: number, count: number): void {
  let partStart = 0
  for (const { buffer, offset, elements, bytes } of parts) {
    const from = Math.max(start, partStart)
    const to = Math.min(start + count, partStart + elements)
    if (from < to) {
      const at = offset + (from - partStart) * bytes
      device.write(buffer, at, data, from - start, to - from)
    }
    partStart += elements
  }
}

/** Collects elements on the host until a contiguous range of the weight is complete. */
interface HostStaging {
  readonly data: HostArray
  /** Puts a copy's elements in their place; `elements` are the file's from `first` on. */
  readonly put: (copy: StridedCopy, elements: NumberArray, first: number) => void
  readonly flush: () => void
}

function copyStrided(
  data: HostArray,
  base: number,
  { from, stride: step, count, toStride: toStep }: StridedCopy,
  elements: NumberArray,
  first: number,
): void {
  const start = from - first
  if (step === 1 && toStep === 1 && !(elements instanceof BigInt64Array)) {
    data.set(elements.subarray(start, start + count), base)
    return
  }
  for (let at = 0; at < count; at++) data[base + at * toStep] = Number(elements[start + at * step])
}

function createHostStaging(device: Device, { port, start }: Match, parts: readonly Part[], capacity: number): HostStaging {
  const data = arrayOf(port.dtype, new ArrayBuffer(capacity * BYTES[port.dtype]))
  let flushed = 0
  let filled = 0
  const flush = (): void => {
    if (filled > 0) writeRange(device, parts, data, start + flushed, filled)
    flushed += filled
    filled = 0
  }
  const put: HostStaging['put'] = (copy, elements, first) => {
    if (filled + copy.count > capacity) flush()
    copyStrided(data, copy.to - flushed, copy, elements, first)
    filled += copy.count
  }
  return { data, put, flush }
}

/** Values of a copy that its weight cannot have: not finite, or out of the range of its type. */
function countBad({ from, stride: step, count }: StridedCopy, elements: NumberArray, first: number, dtype: StorageType): number {
  let bad = 0
  for (let at = 0; at < count; at++) {
    const value = Number(elements[from - first + at * step])
    if (dtype === 'f32' ? !Number.isFinite(Math.fround(value)) : !inRange(value, dtype)) bad++
  }
  return bad
}

/**
 * Loads one piece of a weight. Returns the number of bad values: integers out of range, and floats that are not finite if they
 * are checked.
 */
async function loadPiece(
  device: Device,
  match: Match,
  parts: readonly Part[],
  checkpoint: Checkpoint,
  checkFinite: boolean,
): Promise<number> {
  const { port, tensor, view } = match
  const size = dtypeRecord(tensor.dtype).bits / 8
  const limit = Math.max(1, Math.floor(CHUNK_BYTES / size))
  const capacity = matrixElements(view) || Math.min(limit, Math.max(1, elementCount(view.shape)))
  const staging = createHostStaging(device, match, parts, capacity)
  const counts = checkFinite || port.dtype !== 'f32'
  let bad = 0
  for (const { copies: copies, first, end } of chunksOf(stridedCopies(view, limit), limit)) {
    const elements = elementsOf(tensor.dtype, await checkpoint.read(tensor.name, first * size, (end - first) * size))
    await device.guard(`loading ${port.name}`, () => copies.forEach((copy) => staging.put(copy, elements, first)))
    if (counts) bad += copies.reduce((sum, copy) => sum + countBad(copy, elements, first, port.dtype), 0)
  }
  await device.guard(`loading ${port.name}`, staging.flush)
  return bad
}

function badProblem({ port, tensor }: Match, bad: number): WeightProblem {
  const [code, what] =
    port.dtype === 'f32' ? (['not-finite', 'are not finite'] as const) : (['range', `do not fit ${port.dtype}`] as const)
  return {
    code,
    weight: port.name,
    tensor: tensor.name,
    near: [],
    message: `${port.name}, from ${cut(tensor.name)}: ${bad} values ${what}`,
  }
}

/** Queued writes use staging memory of the device; at most this many bytes are in flight. */
const MAX_QUEUED_BYTES = 64 * 2 ** 20

const extraProblem = (tensor: string): WeightProblem => ({
  code: 'extra',
  weight: null,
  tensor,
  near: [],
  message: `${cut(tensor)} is in the file, but no weight uses it`,
})

/** Throws a WeightError with all mismatches before anything is read, or with all bad values afterwards. */
export async function loadWeights(
  device: Device,
  plan: Plan,
  parts: ReadonlyMap<number, readonly Part[]>,
  checkpoint: Checkpoint,
  options: LoadOptions = {},
): Promise<LoadReport> {
  const { matches, problems, extra } = matchWeights(plan, checkpoint)
  const all = options.allowExtra === true ? problems : [...problems, ...extra.map(extraProblem)]
  if (all.length > 0) throw new WeightError(checkpoint.name, all)
  const total = matches.reduce((sum, { tensor }) => sum + tensor.bytes, 0)
  const bad: WeightProblem[] = []
  let [done, queued] = [0, 0]
  for (const match of matches) {
    const count = await loadPiece(device, match, parts.get(match.port.buffer)!, checkpoint, options.checkFinite === true)
    if (count > 0) bad.push(badProblem(match, count))
    done += match.tensor.bytes
    queued += match.tensor.bytes
    if (queued > MAX_QUEUED_BYTES) {
      await device.settle()
      queued = 0
    }
    options.onProgress?.(done, total)
  }
  await device.settle()
  if (bad.length > 0) throw new WeightError(checkpoint.name, bad)
  return { weights: plan.weights.length, tensors: new Set(matches.map(({ tensor }) => tensor.name)).size, bytes: total, extra }
}
