import type { StorageType } from '../../plan/plan.ts'
import { dtypeRecord, type DTypeName, type NumberArray } from '../checkpoint/dtypes.ts'

/** Whether elements of a file's type can become those of a weight: reals from reals, whole numbers from whole ones. */
export function convertible(from: DTypeName, to: StorageType): boolean {
  const { kind, read } = dtypeRecord(from)
  if (read === null) return false
  return to === 'f32' ? kind === 'float' : kind === 'int' || kind === 'bool'
}

/** The elements in a stretch of bytes, as the file's type has them. */
export function elementsOf(dtype: DTypeName, bytes: Uint8Array): NumberArray {
  const size = dtypeRecord(dtype).bits / 8
  // typed arrays begin at multiples of their size
  const aligned =
    bytes.byteOffset % size === 0 &&
    bytes.buffer instanceof ArrayBuffer &&
    bytes.byteOffset === 0 &&
    bytes.byteLength === bytes.buffer.byteLength
  return dtypeRecord(dtype).read!(aligned ? (bytes.buffer as ArrayBuffer) : (bytes.slice().buffer as ArrayBuffer))
}

/** Whether a whole number fits the type; every real does. */
export function inRange(value: number, to: StorageType): boolean {
  if (to === 'i32') return value >= -(2 ** 31) && value < 2 ** 31
  return to === 'f32' || (value >= 0 && value < 2 ** 32)
}
