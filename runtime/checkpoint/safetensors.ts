import { CheckpointError } from '../errors.ts'
import type { Checkpoint, TensorInfo } from './checkpoint.ts'
import { joinCodes } from './codes/join.ts'
import { dtypeRecord, isDType } from './dtypes.ts'
import { HeaderError, parseHeader, type RawTensor } from './header.ts'
import { cut, quoted } from './quote.ts'
import { orClose, type ByteSource } from './source.ts'

/** Longer headers are refused unread, as the format's own reader does. */
const LONGEST_HEADER = 100_000_000n
const PREFIX = 8

interface Placed {
  readonly info: TensorInfo
  /** Byte of the data section. */
  readonly begin: number
}

/** The number of sizes that a message shows. */
const MAX_SHOWN = 8

const shown = (shape: readonly bigint[]): string =>
  `[${shape.slice(0, MAX_SHOWN).join(', ')}${shape.length > MAX_SHOWN ? `, and ${shape.length - MAX_SHOWN} more` : ''}]`

function placeTensor(raw: RawTensor, dataBytes: bigint): Placed {
  const { name, dtype, shape, begin, end } = raw
  const what = `tensor ${quoted(name)}`
  if (!isDType(dtype)) throw new HeaderError(`${what} has the unknown type ${JSON.stringify(cut(dtype))}`)
  if (begin > end || end > dataBytes) throw new HeaderError(`${what} is stored at bytes ${begin} to ${end} of ${dataBytes}`)
  const bits = shape.reduce((all, size) => all * size, BigInt(dtypeRecord(dtype).bits))
  if (bits % 8n !== 0n || bits / 8n !== end - begin) {
    const takes = bits < 2n ** 64n ? `${bits}` : 'more than 2^64'
    throw new HeaderError(`${what} of ${dtype}${shown(shape)} takes ${takes} bits and has ${end - begin} bytes`)
  }
  // sizes beyond 2^53 are there only beside a size of 0, where the number does not matter
  return { info: { name, dtype, shape: shape.map(Number), bytes: Number(end - begin) }, begin: Number(begin) }
}

/** Every byte of the data belongs to exactly one tensor. */
function checkCover(placed: readonly Placed[], dataBytes: bigint): void {
  const sorted = [...placed].sort((a, b) => a.begin - b.begin || a.info.bytes - b.info.bytes)
  let end = 0
  for (const { info, begin } of sorted) {
    if (begin < end) throw new HeaderError(`tensor ${quoted(info.name)} overlaps another`)
    if (begin > end) throw new HeaderError(`${begin - end} bytes before tensor ${quoted(info.name)} belong to no tensor`)
    end = begin + info.bytes
  }
  if (BigInt(end) !== dataBytes) throw new HeaderError(`${dataBytes - BigInt(end)} bytes after the last tensor belong to none`)
}

async function readHeader(source: ByteSource): Promise<{ bytes: Uint8Array; length: number }> {
  if (source.size < PREFIX) throw new HeaderError(`${source.size} bytes are not a safetensors file`)
  const prefix = await source.read(0, PREFIX)
  const length = new DataView(prefix.buffer, prefix.byteOffset, PREFIX).getBigUint64(0, true)
  if (length > LONGEST_HEADER) throw new HeaderError(`a header of ${length} bytes is too long; this is not a safetensors file`)
  if (length > BigInt(source.size - PREFIX))
    throw new HeaderError(`the header has ${length} bytes, the file ${source.size}: it is cut short`)
  return { bytes: await source.read(PREFIX, Number(length)), length: Number(length) }
}

async function open(source: ByteSource): Promise<Checkpoint> {
  const { bytes, length } = await readHeader(source)
  const { tensors, metadata } = parseHeader(bytes)
  const start = PREFIX + length
  const dataBytes = BigInt(source.size - start)
  const placed = tensors.map((raw) => placeTensor(raw, dataBytes))
  checkCover(placed, dataBytes)
  const begins = new Map(placed.map(({ info, begin }) => [info.name, start + begin]))
  const infos = new Map(placed.map(({ info }) => [info.name, info]))
  const read = async (tensor: string, offset: number, count: number): Promise<Uint8Array> => {
    const info = infos.get(tensor)
    if (info === undefined) throw new CheckpointError(source.name, `has no tensor ${quoted(tensor)}`)
    if (offset < 0 || count < 0 || offset + count > info.bytes) {
      throw new CheckpointError(source.name, `tensor ${quoted(tensor)} has ${info.bytes} bytes, not ${count} at ${offset}`)
    }
    return source.read(begins.get(tensor)! + offset, count)
  }
  return { name: source.name, tensors: infos, metadata, read, close: source.close }
}

/** The tensors as the file has them: codes and scales apart. */
export const openPlainSafetensors = (source: ByteSource): Promise<Checkpoint> =>
  orClose(source, async () => {
    try {
      return await open(source)
    } catch (error) {
      throw error instanceof HeaderError ? new CheckpointError(source.name, error.message) : error
    }
  })

/**
 * Reads and checks the whole header; tensors are read on demand, quantised weights as one tensor each. The checkpoint closes its
 * source; a source that is refused is closed at once. Throws a CheckpointError.
 */
export async function openSafetensors(source: ByteSource): Promise<Checkpoint> {
  const plain = await openPlainSafetensors(source)
  return orClose(plain, () => joinCodes(plain))
}
