/** The folder of a model with quantised weights. */
import { isFormat } from '../../plan/storage/formats.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import { dtypeRecord } from '../../runtime/checkpoint/dtypes.ts'
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { elementCount } from '../../runtime/tensors.ts'
import { EXIT, Failure } from '../exit.ts'
import { withCodes, withoutCodes, type ChangedConfig } from '../export/config.ts'
import { hubFolder, type HubFolder } from '../export/export.ts'
import { saidBy, type Given } from '../export/given.ts'
import { laidOut, type LaidTensor } from '../export/layout.ts'
import type { CodedBy } from '../export/tensors.ts'
import type { Terminal } from '../terminal.ts'
import { chooseFormats, type ChosenTensor, type Rules } from './choose.ts'
import { bf16Encoder } from './codes/bf16.ts'
import type { Coded, CodeFile, Encoder } from './codes/encoder.ts'
import type { ErrorSums } from './codes/error.ts'
import { fp8Encoder } from './codes/fp8.ts'
import { integerEncoder } from './codes/integers.ts'
import { mxfp4Encoder } from './codes/mxfp4.ts'
import type { ScaleType } from './codes/rounding.ts'
import { quantizationConfig, startOf, type CodeOptions } from './config.ts'
import { BITS, METHOD, type Format } from './formats.ts'
import { lastMade } from './last-made.ts'
import { weightRoles, type WeightKind } from './kinds.ts'

export interface QuantizeRequest {
  readonly rules: Rules
  readonly codes: CodeOptions
  /** Whether scales are searched for the least squared error. */
  readonly searches: boolean
  /** Bytes of tensors in a file. */
  readonly shard: number
  /** Called after each tensor with the numbers that were quantised, and with all. */
  readonly onProgress: (done: number, all: number) => void
}

export interface QuantizedTensor {
  readonly name: string
  readonly kind: WeightKind
  readonly format: Format
  readonly shape: readonly number[]
  /** Of all tensors that it is made of, and that it is stored as. */
  readonly bytesBefore: number
  readonly bytes: number
  readonly error: ErrorSums
}

export interface Quantized {
  readonly folder: HubFolder
  /** In the order of the model; complete when the files of the folder are written. */
  readonly tensors: () => readonly QuantizedTensor[]
  readonly notes: readonly string[]
}

/** Scales have the dtype of the numbers, as published checkpoints do: programs load them as that of the model. */
function scaleTypeOf(made: readonly TensorInfo[]): ScaleType {
  const types = [...new Set(made.map(({ dtype }) => dtype))]
  if (types.length === 1 && types[0] === 'F16') return 'F16'
  return types.every((dtype) => dtype === 'F32' || dtype === 'F64') ? 'F32' : 'BF16'
}

function encoderOf(format: Format, made: readonly TensorInfo[], { codes, searches }: QuantizeRequest): Encoder {
  switch (format) {
    case 'bf16':
      return bf16Encoder
    case 'mxfp4':
      return mxfp4Encoder
    case 'fp8':
      return fp8Encoder
    case 'int4':
    case 'int8':
      return integerEncoder({ bits: BITS[format], ...codes, scales: scaleTypeOf(made), searches })
    default:
      return format satisfies never
  }
}

/** Throws a Failure for a number that is not finite. */
function checkFinite({ name, shape }: LaidTensor, values: Float32Array): void {
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at < 0) return
  const columns = shape.at(-1) ?? 1
  throw new Failure(
    EXIT.badCheckpoint,
    `${quoted(name)} has the number ${values[at]} in row ${Math.floor(at / columns)}, column ${at % columns}`,
    'nothing was written',
  )
}

/** A tensor that is quantised. */
interface Job {
  readonly tensor: LaidTensor
  readonly format: Format
  readonly encoder: Encoder
  readonly read: () => Promise<Float32Array>
}

async function encoded({ tensor, encoder, format, read }: Job): Promise<Coded> {
  const values = await read()
  checkFinite(tensor, values)
  const coded = encoder.encode({ shape: tensor.shape, values })
  if (Number.isFinite(coded.error.squares)) return coded
  throw new Failure(EXIT.badCheckpoint, `${quoted(tensor.name)} has a number that ${format} does not hold`, 'nothing was written')
}

const bytesOf = (tensors: readonly TensorInfo[]): number => tensors.reduce((sum, { bytes }) => sum + bytes, 0)

/** Bytes of the tensors that a tensor is made of, its share of those that others are made of too. */
const bytesBefore = ({ shape }: LaidTensor, made: readonly TensorInfo[]): number => {
  const all = made.reduce((sum, one) => sum + elementCount(one.shape), 0)
  return Math.round((bytesOf(made) * elementCount(shape)) / all)
}

const GPT_OSS = 'gpt_oss'

/** What other programs do not read, though smoe does. */
function notesOf(chosen: readonly ChosenTensor[], { rules, codes }: QuantizeRequest, type: string): readonly string[] {
  const integers = chosen.filter(({ format }) => format === 'int4' || format === 'int8')
  const ragged = integers.filter(({ tensor }) => tensor.shape.at(-1)! % codes.group !== 0)
  const stacked = integers.filter(({ tensor }) => tensor.shape.length > 2)
  const some = ({ length }: readonly unknown[]): string => `${length} of ${integers.length} quantised tensors`
  return [
    ...(ragged.length === 0
      ? []
      : [`the rows of ${some(ragged)} are not whole groups of ${codes.group}: vLLM and compressed-tensors do not read these`]),
    ...(stacked.length === 0
      ? []
      : [`${some(stacked)} hold all experts of a layer, which vLLM and compressed-tensors do not read as codes`]),
    ...(rules.to === 'mxfp4' && type !== GPT_OSS ? [`transformers reads MXFP4 of ${GPT_OSS} alone`] : []),
  ]
}

function configFor(given: Given, chosen: readonly ChosenTensor[], head: string | null, request: QuantizeRequest): ChangedConfig {
  const config = quantizationConfig(chosen, request.rules.to, head, request.codes)
  return config === null ? withoutCodes(given.changed, given.type) : withCodes(given.changed, given.type, config)
}

/** The layout of gpt-oss in MXFP4 is another one, for all layers. */
function checkWhole(chosen: readonly ChosenTensor[], { to }: Rules, type: string): void {
  const kept = chosen.find(({ kind, format }) => kind === 'experts' && format === null)
  if (to !== 'mxfp4' || type !== GPT_OSS || kept === undefined) return
  throw new Failure(EXIT.usage, `'${kept.tensor.name}' would be kept: a '${GPT_OSS}' has all of its experts in MXFP4, or none`)
}

/** Wide elements lie before narrow ones in a file: a tensor is quantised anew for each width. */
const passesOf = (files: readonly CodeFile[]): number =>
  new Set(files.flatMap(({ info, fixed }) => (fixed === undefined ? [dtypeRecord(info.dtype).bits] : []))).size

/** Quantises tensors as they are written, and keeps what it found. */
interface Coder {
  readonly codedBy: CodedBy
  readonly found: ReadonlyMap<string, QuantizedTensor>
}

function coderOf(chosen: readonly ChosenTensor[], request: QuantizeRequest): Coder {
  const byName = new Map(chosen.map((one) => [one.tensor.name, one]))
  const found = new Map<string, QuantizedTensor>()
  let [done, all] = [0, 0]
  // the tensors that a weight is stored as mostly follow one another in a file
  const make = lastMade(async (job: Job) => {
    const coded = await encoded(job)
    request.onProgress((done += elementCount(job.tensor.shape)), all)
    return coded
  })
  const codedBy: CodedBy = (tensor, made) => {
    const { kind, format: wanted } = byName.get(tensor.name)!
    // codes of another method do not stay: they become the numbers that they mean
    const format = wanted ?? (made.some(({ dtype }) => isFormat(dtype)) ? 'bf16' : null)
    if (format === null) return null
    const { name, shape } = tensor
    const encoder = encoderOf(format, made, request)
    const files = encoder.files(name, shape)
    const sizes = { bytesBefore: bytesBefore(tensor, made), bytes: bytesOf(files.map(({ info }) => info)) }
    all += passesOf(files) * elementCount(shape)
    return (read) => {
      const job: Job = { tensor, format, encoder, read }
      async function* pieces(at: number): AsyncGenerator<Uint8Array> {
        const { bytes, error } = await make(job)
        found.set(name, { name, kind, format: job.format, shape, ...sizes, error })
        yield bytes[at]
      }
      return files.map(({ info, fixed }, at) => ({ ...info, pieces: () => (fixed === undefined ? pieces(at) : [fixed]) }))
    }
  }
  return { codedBy, found }
}

/**
 * What is to be written; tensors are read while it is, and in memory is one of them, with its codes. Throws a Failure for what
 * the layout or the config cannot say; while it is written, for a number that is not finite.
 */
export function quantizedFolder(given: Given, checkpoint: Checkpoint, request: QuantizeRequest, terminal: Terminal): Quantized {
  const { rules, shard } = request
  const method = METHOD[rules.to]
  const started =
    method === null ? withoutCodes(given.changed, given.type) : withCodes(given.changed, given.type, startOf(method))
  const said = saidBy('the config of the export', started, terminal)
  const chosen = chooseFormats(laidOut(said.ports), weightRoles(said.graph, said.ports), rules)
  checkWhole(chosen, rules, given.type)
  const changed = configFor(given, chosen, said.imported.tie?.head ?? null, request)
  const { codedBy, found } = coderOf(chosen, request)
  const folder = hubFolder({ ...given, changed }, checkpoint, { as: 'shipped', shard, codedBy }, terminal)
  const tensors = (): readonly QuantizedTensor[] => chosen.flatMap(({ tensor }) => found.get(tensor.name) ?? [])
  return { folder, tensors, notes: notesOf(chosen, request, given.type) }
}
