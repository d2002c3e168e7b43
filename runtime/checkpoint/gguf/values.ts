/** The values of GGUF's metadata. */
import { HeaderError } from '../header.ts'
import { readCount, readString, readU32, take, type Cursor } from './cursor.ts'

export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array

/** Integers of 64 bits that a number cannot hold exactly stay bigints. */
export type GgufValue = number | bigint | boolean | string | readonly boolean[] | readonly string[] | GgufNumbers

interface NumberType {
  readonly kind: 'number'
  readonly bytes: number
  readonly read: (view: DataView, at: number) => number | bigint
  readonly array: (bytes: ArrayBuffer) => GgufNumbers
}

type ValueType = NumberType | { readonly kind: 'bool' } | { readonly kind: 'string' } | { readonly kind: 'array' }

const number = (
  bytes: number,
  read: (view: DataView, at: number) => number | bigint,
  array: (bytes: ArrayBuffer) => GgufNumbers,
): NumberType => ({ kind: 'number', bytes, read, array })

const VALUE_TYPES: readonly ValueType[] = [
  number(
    1,
    (view, at) => view.getUint8(at),
    (bytes) => new Uint8Array(bytes),
  ),
  number(
    1,
    (view, at) => view.getInt8(at),
    (bytes) => new Int8Array(bytes),
  ),
  number(
    2,
    (view, at) => view.getUint16(at, true),
    (bytes) => new Uint16Array(bytes),
  ),
  number(
    2,
    (view, at) => view.getInt16(at, true),
    (bytes) => new Int16Array(bytes),
  ),
  number(
    4,
    (view, at) => view.getUint32(at, true),
    (bytes) => new Uint32Array(bytes),
  ),
  number(
    4,
    (view, at) => view.getInt32(at, true),
    (bytes) => new Int32Array(bytes),
  ),
  number(
    4,
    (view, at) => view.getFloat32(at, true),
    (bytes) => new Float32Array(bytes),
  ),
  { kind: 'bool' },
  { kind: 'string' },
  { kind: 'array' },
  number(
    8,
    (view, at) => view.getBigUint64(at, true),
    (bytes) => new BigUint64Array(bytes),
  ),
  number(
    8,
    (view, at) => view.getBigInt64(at, true),
    (bytes) => new BigInt64Array(bytes),
  ),
  number(
    8,
    (view, at) => view.getFloat64(at, true),
    (bytes) => new Float64Array(bytes),
  ),
]

function readType(cursor: Cursor, what: string): ValueType {
  const code = readU32(cursor, `the type of ${what}`)
  const type = VALUE_TYPES[code] as ValueType | undefined
  if (type === undefined) throw new HeaderError(`${what} has the unknown type ${code}`)
  return type
}

function readBoolean(cursor: Cursor, what: string): boolean {
  const byte = cursor.bytes[take(cursor, 1, what)]
  if (byte > 1) throw new HeaderError(`${what} must be 0 or 1, not ${byte}`)
  return byte === 1
}

const plain = (value: number | bigint): number | bigint =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value

/** Bytes before the characters of a string. */
const STRING_PREFIX = 8

function readArray(cursor: Cursor, what: string): GgufValue {
  const type = readType(cursor, `the elements of ${what}`)
  switch (type.kind) {
    case 'number': {
      const count = readCount(cursor, type.bytes, `elements in ${what}`)
      const at = take(cursor, count * type.bytes, what)
      return type.array(cursor.bytes.slice(at, cursor.at).buffer)
    }
    case 'bool': {
      const count = readCount(cursor, 1, `elements in ${what}`)
      return Array.from({ length: count }, () => readBoolean(cursor, what))
    }
    case 'string': {
      const count = readCount(cursor, STRING_PREFIX, `elements in ${what}`)
      return Array.from({ length: count }, () => readString(cursor, `an element of ${what}`))
    }
    case 'array':
      // depth would be the file's to choose
      throw new HeaderError(`${what} is an array of arrays, which no known file has`)
    default:
      return type satisfies never
  }
}

/** A value with its type before it. Throws a HeaderError. */
export function readValue(cursor: Cursor, what: string): GgufValue {
  const type = readType(cursor, what)
  switch (type.kind) {
    case 'number':
      return plain(type.read(cursor.view, take(cursor, type.bytes, what)))
    case 'bool':
      return readBoolean(cursor, what)
    case 'string':
      return readString(cursor, what)
    case 'array':
      return readArray(cursor, what)
    default:
      return type satisfies never
  }
}
