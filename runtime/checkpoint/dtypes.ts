/**
 * The element types of safetensors, in bits. Those without a `read` are accepted in a header, and refused where they are read.
 */

import { formatOf, isFormat, type FormatName } from '../../plan/storage/formats.ts'
import { decodeElements } from '../../plan/storage/host.ts'

const half = new Float32Array(65536)
let halfReady = false

/** f16 -> f32 by table: sign, 5 bits of exponent, 10 of fraction. */
function halfTable(): Float32Array {
  if (halfReady) return half
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 31
    const fraction = bits & 1023
    if (exponent === 0) half[bits] = sign * fraction * 2 ** -24
    else if (exponent === 31) half[bits] = fraction === 0 ? sign * Infinity : NaN
    else half[bits] = sign * (1024 + fraction) * 2 ** (exponent - 25)
  }
  halfReady = true
  return half
}

export type NumberArray =
  Float32Array | Float64Array | Int32Array | Uint32Array | BigInt64Array | Uint8Array | Int8Array | Int16Array | Uint16Array

interface DTypeRecord {
  readonly bits: number
  readonly kind: 'float' | 'int' | 'bool' | 'other'
  /** Elements from bytes that begin at a multiple of the element's size. */
  readonly read: ((bytes: ArrayBuffer) => NumberArray) | null
  /** The format of weights that it is, where there is one besides f32. */
  readonly format?: FormatName
}

function readHalf(bytes: ArrayBuffer): Float32Array {
  const table = halfTable()
  return Float32Array.from(new Uint16Array(bytes), (bits) => table[bits])
}

/** bf16 is the upper half of an f32. */
function readBrain(bytes: ArrayBuffer): Float32Array {
  const words = new Uint16Array(bytes)
  const wide = new Uint32Array(words.length)
  for (let at = 0; at < words.length; at++) wide[at] = words[at] << 16
  return new Float32Array(wide.buffer)
}

export const DTYPES = {
  F64: { bits: 64, kind: 'float', read: (bytes) => new Float64Array(bytes) },
  F32: { bits: 32, kind: 'float', read: (bytes) => new Float32Array(bytes) },
  F16: { bits: 16, kind: 'float', read: readHalf, format: 'f16' },
  BF16: { bits: 16, kind: 'float', read: readBrain, format: 'bf16' },
  I64: { bits: 64, kind: 'int', read: (bytes) => new BigInt64Array(bytes) },
  I32: { bits: 32, kind: 'int', read: (bytes) => new Int32Array(bytes) },
  I16: { bits: 16, kind: 'int', read: (bytes) => new Int16Array(bytes) },
  I8: { bits: 8, kind: 'int', read: (bytes) => new Int8Array(bytes) },
  U32: { bits: 32, kind: 'int', read: (bytes) => new Uint32Array(bytes) },
  U16: { bits: 16, kind: 'int', read: (bytes) => new Uint16Array(bytes) },
  U8: { bits: 8, kind: 'int', read: (bytes) => new Uint8Array(bytes) },
  BOOL: { bits: 8, kind: 'bool', read: (bytes) => new Uint8Array(bytes) },
  U64: { bits: 64, kind: 'other', read: null },
  C64: { bits: 64, kind: 'other', read: null },
  F8_E5M2: { bits: 8, kind: 'other', read: null },
  F8_E4M3: { bits: 8, kind: 'other', read: null },
  F8_E8M0: { bits: 8, kind: 'other', read: null },
  F6_E2M3: { bits: 6, kind: 'other', read: null },
  F6_E3M2: { bits: 6, kind: 'other', read: null },
  F4: { bits: 4, kind: 'other', read: null },
} as const satisfies Readonly<Record<string, DTypeRecord>>

export type DTypeName = keyof typeof DTYPES

/** What the elements of a tensor are: of a dtype, or in blocks of a format, of which each row is a whole number. */
export type ElementType = DTypeName | FormatName

/** Blocks are read as the elements that they have. */
const blocksOf = (format: FormatName): DTypeRecord => {
  const { elements, bytes } = formatOf(format)
  const read = (data: ArrayBuffer): Float32Array =>
    decodeElements({ format }, new Uint8Array(data), (data.byteLength / bytes) * elements)
  return { bits: (8 * bytes) / elements, kind: 'float', read, format }
}

export const dtypeRecord = (name: ElementType): DTypeRecord => (isFormat(name) ? blocksOf(name) : DTYPES[name])

export const isDType = (name: string): name is DTypeName => Object.hasOwn(DTYPES, name)
