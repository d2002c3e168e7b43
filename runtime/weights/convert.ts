/** Conversion of checkpoint elements to the dtype of a weight. */
import type { StorageType, WeightPort } from '../../plan/plan.ts'
import { formatOf, type FormatName } from '../../plan/storage/formats.ts'
import { decodeElements } from '../../plan/storage/host.ts'
import { brainBits, halfBits } from '../checkpoint/half.ts'
import { dtypeRecord, type DTypeName, type NumberArray } from '../checkpoint/dtypes.ts'

/** Format that files are converted to -> the bits of the number nearest to another. */
const CODES = { bf16: brainBits, f16: halfBits } as const satisfies { readonly [F in FormatName]?: (value: number) => number }

const ENCODE: { readonly [F in FormatName]?: (value: number) => number } = CODES

export type Converted = keyof typeof CODES

export const CONVERTED = Object.keys(CODES) as readonly Converted[]

/** Whether a dtype of a file is, or converts to, that of a weight: floats to floats, integers and booleans to integers. */
export function convertible(from: DTypeName, { dtype: to, storage }: Pick<WeightPort, 'dtype' | 'storage'>): boolean {
  const { kind, read, format } = dtypeRecord(from)
  if (storage !== undefined && storage.format !== format && ENCODE[storage.format] === undefined) return false
  if (read === null) return false
  return to === 'f32' ? kind === 'float' : kind === 'int' || kind === 'bool'
}

/** Decodes bytes of a file. */
export function elementsOf(dtype: DTypeName, bytes: Uint8Array): NumberArray {
  const size = dtypeRecord(dtype).bits / 8
  // typed arrays need aligned offsets
  const aligned =
    bytes.byteOffset % size === 0 &&
    bytes.buffer instanceof ArrayBuffer &&
    bytes.byteOffset === 0 &&
    bytes.byteLength === bytes.buffer.byteLength
  return dtypeRecord(dtype).read!(aligned ? (bytes.buffer as ArrayBuffer) : (bytes.slice().buffer as ArrayBuffer))
}

/** Whether an integer fits the dtype; always true for f32. */
export function inRange(value: number, to: StorageType): boolean {
  if (to === 'i32') return value >= -(2 ** 31) && value < 2 ** 31
  return to === 'f32' || (value >= 0 && value < 2 ** 32)
}

/** Units of a weight in a format, each a block's bytes: those of the file where it has them, else numbers that are converted. */
export function unitsOf(format: FormatName, dtype: DTypeName, bytes: Uint8Array): Uint8Array {
  if (dtypeRecord(dtype).format === format) return bytes
  const encode = ENCODE[format]
  if (encode === undefined)
    throw new Error(`${dtype} is not converted to ${format}, which has blocks of ${formatOf(format).bytes}`)
  return new Uint8Array(Uint16Array.from(elementsOf(dtype, bytes) as ArrayLike<number>, encode).buffer)
}

/** A number as a format keeps it; itself in formats that no number is converted to. */
export function stored(value: number, format: FormatName): number {
  const encode = ENCODE[format]
  return encode === undefined ? value : decodeElements({ format }, new Uint8Array(Uint16Array.of(encode(value)).buffer), 1)[0]
}
