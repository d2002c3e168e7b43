/** A GGUF file as a checkpoint: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. */
import { CheckpointError } from '../../errors.ts'
import { HeaderError } from '../header.ts'
import { quoted } from '../quote.ts'
import { orClose, type ByteSource } from '../source.ts'
import { cursorOf, Short } from './cursor.ts'
import { parseGguf, type GgufHeader, type RawGgufTensor } from './header.ts'
import { TENSOR_TYPES, type TensorType } from './types.ts'
import type { GgufValue } from './values.ts'

export interface GgufTensor {
  readonly name: string
  readonly type: TensorType
  /** Outermost axis first. */
  readonly shape: readonly number[]
  readonly bytes: number
  /** First byte in the file. */
  readonly begin: number
}

export interface GgufFile {
  readonly name: string
  readonly values: ReadonlyMap<string, GgufValue>
  readonly tensors: ReadonlyMap<string, GgufTensor>
  readonly source: ByteSource
}

const FIRST_BYTES = 2 ** 20
/** Longer headers are refused, as those of safetensors files are. */
const LONGEST_HEADER = 100_000_000

/** Fetches twice as much until the header fits. */
async function readHeader(source: ByteSource): Promise<GgufHeader> {
  for (let length = Math.min(FIRST_BYTES, source.size); ; length = Math.min(2 * length, source.size)) {
    try {
      return parseGguf(cursorOf(await source.read(0, length), source.size))
    } catch (error) {
      if (!(error instanceof Short)) throw error
      if (length > LONGEST_HEADER) throw new HeaderError(`the header is longer than ${LONGEST_HEADER} bytes`)
    }
  }
}

const DEFAULT_ALIGNMENT = 32

function alignmentOf(values: ReadonlyMap<string, GgufValue>): number {
  const alignment = values.get('general.alignment') ?? DEFAULT_ALIGNMENT
  if (typeof alignment === 'number' && Number.isSafeInteger(alignment) && alignment >= 8 && alignment % 8 === 0) return alignment
  throw new HeaderError(`'general.alignment' must be a multiple of 8, not ${String(alignment)}`)
}

function placeTensor(raw: RawGgufTensor, start: number, alignment: number, fileBytes: number): GgufTensor {
  const { name, sizes, offset } = raw
  const what = `tensor ${quoted(name)}`
  const type = TENSOR_TYPES.get(raw.type)
  if (type === undefined) throw new HeaderError(`${what} has the unknown type ${raw.type}`)
  const inner = sizes[0] ?? 1n
  if (inner % BigInt(type.elements) !== 0n)
    throw new HeaderError(`${what} has rows of ${inner} elements: ${type.name} encodes ${type.elements} at a time`)
  const elements = sizes.reduce((all, size) => all * size, 1n)
  const bytes = (elements / BigInt(type.elements)) * BigInt(type.bytes)
  if (offset % BigInt(alignment) !== 0n) throw new HeaderError(`${what} is at byte ${offset}, no multiple of ${alignment}`)
  const end = BigInt(start) + offset + bytes
  if (end > BigInt(fileBytes)) {
    const size = bytes < 2n ** 64n ? `${bytes}` : 'more than 2^64'
    throw new HeaderError(`${what} takes ${size} bytes from byte ${BigInt(start) + offset}, and the file has ${fileBytes}`)
  }
  // sizes beyond 2^53 are there only beside a size of 0, where the number does not matter
  return { name, type, shape: sizes.map(Number).reverse(), bytes: Number(bytes), begin: start + Number(offset) }
}

function checkApart(placed: readonly GgufTensor[]): void {
  const sorted = placed.filter(({ bytes }) => bytes > 0).sort((a, b) => a.begin - b.begin)
  for (const [at, { name, begin }] of sorted.entries()) {
    const before = sorted[at - 1] as GgufTensor | undefined
    if (before !== undefined && begin < before.begin + before.bytes)
      throw new HeaderError(`tensor ${quoted(name)} overlaps tensor ${quoted(before.name)}`)
  }
}

async function open(source: ByteSource): Promise<GgufFile> {
  const { values, tensors, end } = await readHeader(source)
  const alignment = alignmentOf(values)
  const start = Math.ceil(end / alignment) * alignment
  const placed = tensors.map((raw) => placeTensor(raw, start, alignment, source.size))
  checkApart(placed)
  return { name: source.name, values, tensors: new Map(placed.map((tensor) => [tensor.name, tensor])), source }
}

/**
 * Reads and checks the whole header; tensors are read on demand. The file closes its source; a source that is refused is closed
 * at once. Throws a CheckpointError.
 */
export const openGguf = (source: ByteSource): Promise<GgufFile> =>
  orClose(source, async () => {
    try {
      return await open(source)
    } catch (error) {
      throw error instanceof HeaderError ? new CheckpointError(source.name, error.message) : error
    }
  })
