/** Weights from a checkpoint into the device, by chunks: the host holds one chunk, or one matrix where it is transposed. */

import { BYTES, type Plan, type StorageType } from '../../plan/plan.ts'
import type { Part } from '../buffers.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { dtypeRecord, type NumberArray } from '../checkpoint/dtypes.ts'
import { cut } from '../checkpoint/quote.ts'
import type { Device } from '../device.ts'
import { WeightError, type WeightProblem } from '../errors.ts'
import { scoped } from '../scopes.ts'
import { arrayOf, elementCount, type HostArray } from '../tensors.ts'
import { elementsOf, inRange } from './convert.ts'
import { matchWeights, type Match } from './match.ts'
import { matrixElements, runsOf, type Run } from './view.ts'

export interface LoadOptions {
  /** Tensors of the file that no weight takes are an error unless allowed; they are reported either way. */
  readonly allowExtra?: boolean
  /** Where the values that depend on weights alone are taken from, rather than made. */
  readonly held?: Checkpoint
  /** Count NaN and infinite values, and refuse them. */
  readonly checkFinite?: boolean
  /** After each piece: bytes of the file read so far, of how many. */
  readonly onProgress?: (done: number, all: number) => void
}

export interface LoadReport {
  readonly weights: number
  readonly tensors: number
  /** Bytes read from the checkpoint. */
  readonly bytes: number
  readonly extra: readonly string[]
}

/** Bytes of a file read at a time. */
const CHUNK = 8 * 2 ** 20

interface Batch {
  readonly runs: readonly Run[]
  /** Elements of the file from `first` up to and without `end` hold all of them. */
  readonly first: number
  readonly end: number
}

const endOf = ({ from, step, count }: Run): number => from + (count - 1) * step + 1

/** Runs that follow one another in the file, together as long as their stretch is one chunk. */
function* batches(runs: Iterable<Run>, limit: number): Generator<Batch> {
  let batch: Run[] = []
  let first = 0
  let end = 0
  for (const run of runs) {
    if (batch.length > 0 && (run.from < end || endOf(run) - first > limit)) {
      yield { runs: batch, first, end }
      batch = []
    }
    if (batch.length === 0) first = run.from
    batch.push(run)
    end = endOf(run)
  }
  if (batch.length > 0) yield { runs: batch, first, end }
}

/** Writes elements of a weight, from `start` on, into the parts that hold them. */
function writeStretch(device: Device, parts: readonly Part[], data: HostArray, start: number, count: number): void {
  let partStart = 0
  for (const { buffer, offset, elements, bytes } of parts) {
    const from = Math.max(start, partStart)
    const to = Math.min(start + count, partStart + elements)
    if (from < to) {
      const at = offset + (from - partStart) * bytes
      device.gpu.queue.writeBuffer(buffer, at, data as HostArray & ArrayBufferView<ArrayBuffer>, from - start, to - from)
    }
    partStart += elements
  }
}

/** Elements gathered on the host until a stretch of the weight is whole. */
interface Stage {
  readonly data: HostArray
  /** Puts a run's elements in their place; `elements` are the file's from `first` on. */
  readonly put: (run: Run, elements: NumberArray, first: number) => void
  readonly flush: () => void
}

function copyRun(data: HostArray, base: number, { from, step, count, toStep }: Run, elements: NumberArray, first: number): void {
  const start = from - first
  if (step === 1 && toStep === 1 && !(elements instanceof BigInt64Array)) {
    data.set(elements.subarray(start, start + count), base)
    return
  }
  for (let at = 0; at < count; at++) data[base + at * toStep] = Number(elements[start + at * step])
}

function createStage(device: Device, { port, start }: Match, parts: readonly Part[], capacity: number): Stage {
  const data = arrayOf(port.dtype, new ArrayBuffer(capacity * BYTES[port.dtype]))
  let flushed = 0
  let filled = 0
  const flush = (): void => {
    if (filled > 0) writeStretch(device, parts, data, start + flushed, filled)
    flushed += filled
    filled = 0
  }
  const put: Stage['put'] = (run, elements, first) => {
    if (filled + run.count > capacity) flush()
    copyRun(data, run.to - flushed, run, elements, first)
    filled += run.count
  }
  return { data, put, flush }
}

/** Values of a run that its weight cannot have: not finite, or out of the range of its type. */
function countBad({ from, step, count }: Run, elements: NumberArray, first: number, dtype: StorageType): number {
  let bad = 0
  for (let at = 0; at < count; at++) {
    const value = Number(elements[from - first + at * step])
    if (dtype === 'f32' ? !Number.isFinite(Math.fround(value)) : !inRange(value, dtype)) bad++
  }
  return bad
}

/** Loads one piece; gives the number of bad values, counted where reals are to be checked and always for whole numbers. */
async function loadPiece(
  device: Device,
  match: Match,
  parts: readonly Part[],
  checkpoint: Checkpoint,
  checkFinite: boolean,
): Promise<number> {
  const { port, tensor, view } = match
  const size = dtypeRecord(tensor.dtype).bits / 8
  const limit = Math.max(1, Math.floor(CHUNK / size))
  const capacity = matrixElements(view) || Math.min(limit, Math.max(1, elementCount(view.shape)))
  const stage = createStage(device, match, parts, capacity)
  const counts = checkFinite || port.dtype !== 'f32'
  let bad = 0
  for (const { runs, first, end } of batches(runsOf(view, limit), limit)) {
    const elements = elementsOf(tensor.dtype, await checkpoint.read(tensor.name, first * size, (end - first) * size))
    await scoped(device, `loading ${port.name}`, () => runs.forEach((run) => stage.put(run, elements, first)))
    if (counts) bad += runs.reduce((sum, run) => sum + countBad(run, elements, first, port.dtype), 0)
  }
  await scoped(device, `loading ${port.name}`, stage.flush)
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

/** What is written waits in memory of the device's own until it is done; not more than this much at a time. */
const WAITING_BYTES = 64 * 2 ** 20

const extraProblem = (tensor: string): WeightProblem => ({
  code: 'extra',
  weight: null,
  tensor,
  near: [],
  message: `${cut(tensor)} is in the file but no weight uses it`,
})

/** Throws a WeightError with all that does not fit before anything is read, or with all bad values after. */
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
  let [done, waiting] = [0, 0]
  for (const match of matches) {
    const count = await loadPiece(device, match, parts.get(match.port.buffer)!, checkpoint, options.checkFinite === true)
    if (count > 0) bad.push(badProblem(match, count))
    done += match.tensor.bytes
    waiting += match.tensor.bytes
    if (waiting > WAITING_BYTES) {
      await device.wait(device.gpu.queue.onSubmittedWorkDone())
      waiting = 0
    }
    options.onProgress?.(done, total)
  }
  await device.wait(device.gpu.queue.onSubmittedWorkDone())
  if (bad.length > 0) throw new WeightError(checkpoint.name, bad)
  return { weights: plan.weights.length, tensors: new Set(matches.map(({ tensor }) => tensor.name)).size, bytes: total, extra }
}
