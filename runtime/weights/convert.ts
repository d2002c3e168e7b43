/** Conversion of checkpoint elements to the dtype of a weight. */
import type { StorageType, WeightPort } from '../../plan/plan.ts'
import { formatOf, isFormat, storageIn, storedBytes, type FormatName } from '../../plan/storage/formats.ts'
import { decodeElements } from '../../plan/storage/host.ts'
import { brainBits, halfBits } from '../checkpoint/half.ts'
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.ts'
import { dtypeRecord, type ElementType, type NumberArray } from '../checkpoint/dtypes.ts'

/** Format that files are converted to -> the bits of the number nearest to another. */
const CODES = { bf16: brainBits, f16: halfBits } as const satisfies { readonly [F in FormatName]?: (value: number) => number }

const ENCODE: { readonly [F in FormatName]?: (value: number) => number } = CODES

export type Converted = keyof typeof CODES

export const CONVERTED = Object.keys(CODES) as readonly Converted[]

/** Whether a dtype of a file is, or converts to, that of a weight: floats to floats, integers and booleans to integers. */
export function convertible(from: ElementType, { dtype: to, storage }: Pick<WeightPort, 'dtype' | 'storage'>): boolean {
  const { kind, read, format } = dtypeRecord(from)
  if (storage !== undefined && storage.format !== format && ENCODE[storage.format] === undefined) return false
  if (read === null) return false
  return to === 'f32' ? kind === 'float' : kind === 'int' || kind === 'bool'
}

/** Decodes bytes of a file: whole elements, or whole blocks. */
export function elementsOf(dtype: ElementType, bytes: Uint8Array): NumberArray {
  // typed arrays need aligned offsets
  const isWhole = bytes.buffer instanceof ArrayBuffer && bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
  return dtypeRecord(dtype).read!(isWhole ? (bytes.buffer as ArrayBuffer) : (bytes.slice().buffer as ArrayBuffer))
}

/** Elements `first` .. `end` - 1 of a tensor. Throws a CheckpointError where they cannot be read. */
export async function readElements(checkpoint: Checkpoint, tensor: TensorInfo, first: number, end: number): Promise<NumberArray> {
  const { name, dtype, shape } = tensor
  const read = async (from: number, to: number): Promise<Uint8Array> => checkpoint.read(name, from, to - from)
  if (!isFormat(dtype)) {
    const size = dtypeRecord(dtype).bits / 8
    return elementsOf(dtype, await read(first * size, end * size))
  }
  const storage = storageIn(dtype, shape.at(-1) ?? 1)
  const unit = storage.row ?? formatOf(dtype).elements
  const [from, to] = [Math.floor(first / unit), Math.ceil(end / unit)]
  const bytes = storedBytes(storage, unit)
  const elements = decodeElements(storage, await read(from * bytes, to * bytes), (to - from) * unit)
  return elements.subarray(first - from * unit, end - from * unit)
}

/** Whether an integer fits the dtype; always true for f32. */
export function inRange(value: number, to: StorageType): boolean {
  if (to === 'i32') return value >= -(2 ** 31) && value < 2 ** 31
  return to === 'f32' || (value >= 0 && value < 2 ** 32)
}

/** The bytes of numbers in a format that they are converted to. */
export function encodeElements(format: FormatName, elements: NumberArray): Uint8Array {
  const encode = ENCODE[format]
  if (encode === undefined) throw new Error(`numbers are not converted to ${format}`)
  return new Uint8Array(Uint16Array.from(elements as ArrayLike<number>, encode).buffer)
}

/** A number as a format keeps it; itself in formats that no number is converted to. */
export function stored(value: number, format: FormatName): number {
  const encode = ENCODE[format]
  return encode === undefined ? value : decodeElements({ format }, new Uint8Array(Uint16Array.of(encode(value)).buffer), 1)[0]
}
