/**
 * The header of a GGUF file, version 2 or 3, little-endian: magic, counts, metadata, tensors. A hostile header costs no more time
 * or memory than the bytes before its first fault: every count is checked against what the file has left before it is used.
 */
import { checkName, HeaderError } from '../header.ts'
import { quoted } from '../quote.ts'
import { readCount, readString, readU32, readU64, type Cursor } from './cursor.ts'
import { readValue, type GgufValue } from './values.ts'

export interface RawGgufTensor {
  readonly name: string
  /** Innermost axis first, as the file has it. */
  readonly sizes: readonly bigint[]
  readonly type: number
  /** Bytes from the start of the data. */
  readonly offset: bigint
}

export interface GgufHeader {
  readonly version: number
  readonly values: ReadonlyMap<string, GgufValue>
  readonly tensors: readonly RawGgufTensor[]
  /** Bytes of the header. */
  readonly end: number
}

/** "GGUF" as a little-endian number, and what a big-endian file has in its place. */
const MAGIC = 0x46554747
const VERSIONS: readonly number[] = [2, 3]
const LONGEST_KEY = 65535
const LONGEST_NAME = 4096
const MAX_AXES = 4
/** Length of a name, number of axes, type, offset. */
const LEAST_TENSOR = 24
/** Length of a key, type, a value of one byte. */
const LEAST_VALUE = 13

function checkStart(cursor: Cursor): number {
  if (readU32(cursor, 'the magic') !== MAGIC) throw new HeaderError("the file does not begin with 'GGUF'")
  const version = readU32(cursor, 'the version')
  if (VERSIONS.includes(version)) return version
  const swapped = ((version & 0xff) << 24) | ((version & 0xff00) << 8) | ((version >> 8) & 0xff00) | (version >>> 24)
  if (VERSIONS.includes(swapped)) throw new HeaderError('the file is big-endian: only little-endian files are read')
  throw new HeaderError(`the file is of version ${version}: versions ${VERSIONS.join(' and ')} are read`)
}

function readValues(cursor: Cursor, count: number): ReadonlyMap<string, GgufValue> {
  const values = new Map<string, GgufValue>()
  for (let at = 0; at < count; at++) {
    const key = readString(cursor, 'a key', LONGEST_KEY)
    if (values.has(key)) throw new HeaderError(`the key ${quoted(key)} is there twice`)
    values.set(key, readValue(cursor, `the value of ${quoted(key)}`))
  }
  return values
}

function readTensor(cursor: Cursor): RawGgufTensor {
  const name = readString(cursor, 'the name of a tensor', LONGEST_NAME)
  checkName(name)
  const what = `tensor ${quoted(name)}`
  const axes = readU32(cursor, `the number of axes of ${what}`)
  if (axes > MAX_AXES) throw new HeaderError(`${what} has ${axes} axes, more than ${MAX_AXES}`)
  const sizes = Array.from({ length: axes }, () => readU64(cursor, `the shape of ${what}`))
  return { name, sizes, type: readU32(cursor, `the type of ${what}`), offset: readU64(cursor, `the offset of ${what}`) }
}

/** Parses the bytes that have been fetched. Throws a HeaderError for a fault, Short where more bytes are needed. */
export function parseGguf(cursor: Cursor): GgufHeader {
  const version = checkStart(cursor)
  const tensorCount = readCount(cursor, LEAST_TENSOR, 'tensors')
  const valueCount = readCount(cursor, LEAST_VALUE, 'values of metadata')
  const values = readValues(cursor, valueCount)
  const tensors: RawGgufTensor[] = []
  const names = new Set<string>()
  for (let at = 0; at < tensorCount; at++) {
    const tensor = readTensor(cursor)
    if (names.has(tensor.name)) throw new HeaderError(`tensor ${quoted(tensor.name)} is there twice`)
    names.add(tensor.name)
    tensors.push(tensor)
  }
  return { version, values, tensors, end: cursor.at }
}
