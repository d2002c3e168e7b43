/** Conversion of checkpoint elements to the dtype of a weight. */
import type { StorageType, WeightPort } from '../../plan/plan.ts'
import { formatOf, isFormat, storageIn, storedBytes, type FormatName } from '../../plan/storage/formats.ts'
import { decodeElements } from '../../plan/storage/host.ts'
import { brainBits, brainBytes, halfBits, halfBytes } from '../checkpoint/half.ts'
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.ts'
import { dtypeRecord, type ElementType, type NumberArray } from '../checkpoint/dtypes.ts'

interface Conversion {
  /** The bits of the number nearest to another. */
  readonly encode: (value: number) => number
  /** Whether a number of f64 that is finite is kept as one. */
  readonly isKept: (value: number) => boolean
}

/** Halfway between the largest number and what would be the next. */
const [BRAIN_END, HALF_END] = [2 ** 128 - 2 ** 119, 65520]

/** Formats that files are converted to. */
const CONVERSIONS = {
  bf16: { encode: brainBits, isKept: (value) => Math.abs(Math.fround(value)) < BRAIN_END },
  f16: { encode: halfBits, isKept: (value) => Math.abs(value) < HALF_END },
} as const satisfies { readonly [F in FormatName]?: Conversion }

const CONVERSION: { readonly [F in FormatName]?: Conversion } = CONVERSIONS

export type Converted = keyof typeof CONVERSIONS

export const CONVERTED = Object.keys(CONVERSIONS) as readonly Converted[]

/** Whether a dtype of a file is, or converts to, that of a weight: floats to floats, integers and booleans to integers. */
export function convertible(from: ElementType, { dtype: to, storage }: Pick<WeightPort, 'dtype' | 'storage'>): boolean {
  const { kind, read, format } = dtypeRecord(from)
  if (storage !== undefined && storage.format !== format && CONVERSION[storage.format] === undefined) return false
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
  const conversion = CONVERSION[format]
  if (conversion === undefined) throw new Error(`numbers are not converted to ${format}`)
  if (format === 'bf16' && elements instanceof Float32Array) return brainBytes(elements)
  if (format === 'f16' && elements instanceof Float32Array) return halfBytes(elements)
  const { encode } = conversion
  const bits = new Uint16Array(elements.length)
  for (let at = 0; at < bits.length; at++) bits[at] = encode(Number(elements[at]))
  return new Uint8Array(bits.buffer)
}

/** Whether a finite number stays finite in a format; true of formats that no number is converted to. */
export const staysFinite = (value: number, format: FormatName): boolean => CONVERSION[format]?.isKept(value) ?? true

/** A number as a format keeps it; itself in formats that no number is converted to. */
export function stored(value: number, format: FormatName): number {
  const conversion = CONVERSION[format]
  if (conversion === undefined) return value
  return decodeElements({ format }, new Uint8Array(Uint16Array.of(conversion.encode(value)).buffer), 1)[0]
}
