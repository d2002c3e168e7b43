/** Conversion of checkpoint elements to the dtype of a weight. */
import type { StorageType } from '../../plan/plan.ts'
import { dtypeRecord, type DTypeName, type NumberArray } from '../checkpoint/dtypes.ts'

/** Whether a dtype of a file converts to that of a weight: floats to f32, integers and booleans to integers. */
export function convertible(from: DTypeName, to: StorageType): boolean {
  const { kind, read } = dtypeRecord(from)
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
