/**
 * Streams weights from a checkpoint to the device. The host holds the chunk that is put in its place, the next, which is read
 * meanwhile, and a part of a matrix that is transposed: a number of bytes that no tensor changes.
 */

import { BYTES, type Plan, type WeightPort } from '../../plan/plan.ts'
import { formatOf, type FormatName } from '../../plan/storage/formats.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { dtypeRecord, type NumberArray } from '../checkpoint/dtypes.ts'
import { cut } from '../checkpoint/quote.ts'
import type { Device, Part } from '../device.ts'
import { WeightError, type WeightProblem } from '../errors.ts'
import { elementCount } from '../tensors.ts'
import { elementsOf, inRange, readElements, staysFinite } from './convert.ts'
import { blockView, isKept, matchWeights, type Match } from './match.ts'
import { createByteWriter, createStaging, type ByteWriter } from './staging.ts'
import { stridedCopies, viewElements, type StridedCopy } from './view.ts'

export interface LoadOptions {
  /** Allow tensors that no weight uses. They are reported either way. */
  readonly allowExtra?: boolean
  /** Load-time constants, read instead of computed. */
  readonly held?: Checkpoint
  /** Throw a WeightError for weights with NaN or infinite values. */
  readonly checkFinite?: boolean
  /** Called after each tensor, or piece of one, with the bytes read so far and in all. */
  readonly onProgress?: (done: number, all: number) => void
}

export interface LoadReport {
  readonly weights: number
  readonly tensors: number
  /** Bytes of the checkpoint that weights are made of. */
  readonly bytes: number
  readonly extra: readonly string[]
}

/** Bytes of one read, as they are and as numbers. */
const CHUNK_BYTES = 8 * 2 ** 20
/** Bytes of the part of a transposed matrix that is staged. The matrix is read once for each part. */
const TRANSPOSED_BYTES = 16 * 2 ** 20
/** Bytes between two copies that are read along with them: another read takes about as long. */
const GAP_BYTES = 64 * 2 ** 10

interface Chunk {
  readonly copies: readonly StridedCopy[]
  /** They read elements first..end-1 of the tensor. */
  readonly first: number
  readonly end: number
}

const endOf = ({ from, stride: step, count }: StridedCopy): number => from + (count - 1) * step + 1

/** Groups consecutive copies while their elements fit one chunk, without long gaps. */
function* chunksOf(copies: Iterable<StridedCopy>, limit: number, gap: number): Generator<Chunk> {
  let chunk: StridedCopy[] = []
  let first = 0
  let end = 0
  for (const copy of copies) {
    if (chunk.length > 0 && (copy.from < end || copy.from - end > gap || endOf(copy) - first > limit)) {
      yield { copies: chunk, first, end }
      chunk = []
    }
    if (chunk.length === 0) first = copy.from
    chunk.push(copy)
    end = endOf(copy)
  }
  if (chunk.length > 0) yield { copies: chunk, first, end }
}

interface ReadChunk extends Chunk {
  readonly read: NumberArray
}

/** Each chunk with what was read for it: the next is read while one is used. */
async function* readAhead(chunks: Iterator<Chunk>, read: (chunk: Chunk) => Promise<NumberArray>): AsyncGenerator<ReadChunk> {
  const begin = (): Promise<ReadChunk> | null => {
    const { done, value } = chunks.next()
    if (done === true) return null
    const reading = read(value).then((data) => ({ ...value, read: data }))
    // its rejection is seen where it is awaited, unless the work ends before
    reading.catch(() => {})
    return reading
  }
  for (let pending = begin(); pending !== null;) {
    const chunk = await pending
    pending = begin()
    yield chunk
  }
}

/** Whether a weight can have a value of the file; `checkFinite`: whether it must be finite. */
function canHold(value: number, { dtype, storage }: WeightPort, checkFinite: boolean): boolean {
  if (dtype !== 'f32') return inRange(value, dtype)
  if (storage === undefined) return Number.isFinite(Math.fround(value))
  return Number.isFinite(value) ? staysFinite(value, storage.format) : !checkFinite
}

/** Values of a copy that its weight cannot have: not finite, or out of the range of its type. */
function countBad(
  { from, stride: step, count }: StridedCopy,
  elements: NumberArray,
  first: number,
  sound: (value: number) => boolean,
): number {
  let bad = 0
  for (let at = 0; at < count; at++) if (!sound(Number(elements[from - first + at * step]))) bad++
  return bad
}

const countIn = (
  copies: readonly StridedCopy[],
  elements: NumberArray,
  first: number,
  sound: (value: number) => boolean,
): number => copies.reduce((sum, copy) => sum + countBad(copy, elements, first, sound), 0)

/** Values that are not finite in blocks of a format. */
function countKept(format: FormatName, copies: readonly StridedCopy[], read: Uint8Array, first: number): number {
  const { elements } = formatOf(format)
  const values = elementsOf(format, read)
  const wide = copies.map(({ from, stride, count }) => ({ from, stride, count }))
  return wide.reduce((sum, { from, stride, count }) => {
    let bad = 0
    for (let at = 0; at < count; at++)
      for (let place = 0; place < elements; place++)
        if (!Number.isFinite(Number(values[(from - first + at * stride) * elements + place]))) bad++
    return sum + bad
  }, 0)
}

/** Whether finite values of the file may be out of the range of the weight. */
const narrows = ({ port: { dtype, storage }, tensor }: Match): boolean =>
  dtype !== 'f32' || (storage !== undefined && dtypeRecord(tensor.dtype).format !== storage.format)

/**
 * Loads one piece of a weight. Returns the number of bad values: numbers out of the range of what they are converted to, and
 * floats that are not finite if they are checked.
 */
async function loadPiece(
  device: Device,
  match: Match,
  parts: readonly Part[],
  writer: ByteWriter | null,
  checkpoint: Checkpoint,
  checkFinite: boolean,
): Promise<number> {
  const { port, tensor, piece } = match
  const unit = isKept(match) ? formatOf(port.storage!.format) : null
  const view = unit === null ? match.view : blockView(match, piece)
  if (typeof view === 'string') throw new Error(`${port.name}, from ${tensor.name}: ${view}`)
  const size = unit?.bytes ?? dtypeRecord(tensor.dtype).bits / 8
  const staged = unit?.bytes ?? BYTES[port.dtype]
  const limit = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(size, staged)))
  const room = view.transpose ? Math.max(1, Math.floor(TRANSPOSED_BYTES / staged)) : limit
  const capacity = Math.min(room, Math.max(1, viewElements(view)))
  const staging = createStaging(device, match, parts, writer, capacity)
  const counts = checkFinite || narrows(match)
  const sound = (value: number): boolean => canHold(value, port, checkFinite)
  const chunks = chunksOf(stridedCopies(view, { span: limit, staged: capacity }), limit, Math.floor(GAP_BYTES / size))
  const readChunk = ({ first, end }: Chunk): Promise<NumberArray> =>
    unit === null
      ? readElements(checkpoint, tensor, first, end)
      : checkpoint.read(tensor.name, first * size, (end - first) * size)
  let bad = 0
  for await (const { copies, read, first } of readAhead(chunks, readChunk)) {
    await device.guard(`loading ${port.name}`, () => staging.put(copies, read, first))
    if (!counts) continue
    bad +=
      unit === null ? countIn(copies, read, first, sound) : countKept(port.storage!.format, copies, read as Uint8Array, first)
  }
  await device.guard(`loading ${port.name}`, staging.flush)
  return bad
}

function badProblem(match: Match, bad: number): WeightProblem {
  const { port, tensor } = match
  const [code, what] = narrows(match)
    ? (['range', `do not fit ${port.storage?.format ?? port.dtype}`] as const)
    : (['not-finite', 'are not finite'] as const)
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

/** Of the tensor, those of the elements that the piece takes. */
const bytesOf = ({ tensor, view }: Match): number =>
  Math.round((tensor.bytes * viewElements(view)) / Math.max(1, elementCount(tensor.shape)))

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
  const total = matches.reduce((sum, match) => sum + bytesOf(match), 0)
  const bad: WeightProblem[] = []
  let [done, queued] = [0, 0]
  const writers = new Map<WeightPort, ByteWriter>()
  const writerOf = (port: WeightPort): ByteWriter | null => {
    if (port.storage === undefined) return null
    const writer = writers.get(port) ?? createByteWriter(device, parts.get(port.buffer)!)
    writers.set(port, writer)
    return writer
  }
  for (const match of matches) {
    const own = parts.get(match.port.buffer)!
    const count = await loadPiece(device, match, own, writerOf(match.port), checkpoint, options.checkFinite === true)
    if (count > 0) bad.push(badProblem(match, count))
    done += bytesOf(match)
    queued += bytesOf(match)
    if (queued > MAX_QUEUED_BYTES) {
      await device.settle()
      queued = 0
    }
    options.onProgress?.(done, total)
  }
  await device.guard(`loading ${plan.model}`, () => writers.forEach(({ end }) => end()))
  await device.settle()
  if (bad.length > 0) throw new WeightError(checkpoint.name, bad)
  return { weights: plan.weights.length, tensors: new Set(matches.map(({ tensor }) => tensor.name)).size, bytes: total, extra }
}
