/**
 * The header of a safetensors file, read strictly: JSON of one fixed form, so that no depth, repeated key or number that is not
 * written as an integer is accepted. `JSON.parse` would keep the last of repeated keys and accept 2e0 as 2. This reader works on
 * the bytes and stops at the first violation: a hostile header costs no more time or memory than the bytes before it.
 */

import { isPadding, readObject, readString, readWhole, take, peek, type Cursor } from './header-json.ts'
import { cut, quoted } from './quote.ts'

export interface RawTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly bigint[]
  readonly begin: bigint
  readonly end: bigint
}

export interface Header {
  readonly tensors: readonly RawTensor[]
  readonly metadata: Readonly<Record<string, string>>
}

/** Why a header is refused. */
export class HeaderError extends Error {}

/** Bytes of a tensor's name, or of a key of the metadata. */
const LONGEST_NAME = 4096
/** Bytes of a dtype or of a field of a tensor. */
const LONGEST_WORD = 64
/** The maximum number of axes of an array in NumPy. */
const MAX_AXES = 64

function readList(cursor: Cursor, what: string, most: number): readonly bigint[] {
  const values: bigint[] = []
  take(cursor, '[')
  while (peek(cursor) !== ']') {
    if (values.length > 0) take(cursor, ',')
    if (values.length === most) throw new HeaderError(`${what} has more than ${most} numbers`)
    values.push(readWhole(cursor))
  }
  take(cursor, ']')
  return values
}

type Found = { dtype?: string; shape?: readonly bigint[]; data_offsets?: readonly bigint[] }

function readTensor(cursor: Cursor, name: string): RawTensor {
  const what = `tensor ${quoted(name)}`
  const found: Found = {}
  readObject(cursor, what, LONGEST_WORD, (key) => {
    if (key === 'dtype') found.dtype = readString(cursor, 'a type', LONGEST_WORD)
    else if (key === 'shape') found.shape = readList(cursor, `the shape of ${what}`, MAX_AXES)
    else if (key === 'data_offsets') found.data_offsets = readList(cursor, `data_offsets of ${what}`, 2)
    else throw new HeaderError(`${what} has the unknown field ${quoted(key)}`)
  })
  const { dtype, shape, data_offsets: offsets } = found
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    throw new HeaderError(`${what} lacks ${dtype === undefined ? 'dtype' : shape === undefined ? 'shape' : 'data_offsets'}`)
  }
  if (offsets.length !== 2) throw new HeaderError(`${what} has ${offsets.length} offsets, not two`)
  return { name, dtype, shape, begin: offsets[0], end: offsets[1] }
}

const NULL = [0x6e, 0x75, 0x6c, 0x6c]

function readMetadata(cursor: Cursor): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>
  if (peek(cursor) === 'n' && NULL.every((byte, at) => cursor.bytes[cursor.at + at] === byte)) {
    cursor.at += NULL.length
    return metadata
  }
  readObject(cursor, '__metadata__', LONGEST_NAME, (key) => {
    metadata[key] = readString(cursor, 'a text', Infinity)
  })
  return metadata
}

/** Names become paths and keys in other hands, so those that mean more than themselves there are refused. */
export function checkName(name: string): void {
  const reason =
    name === ''
      ? 'is empty'
      : name === '__proto__'
        ? 'is reserved'
        : /[\u0000-\u001f\u007f]/.test(name)
          ? 'has control characters'
          : /^[/\\]/.test(name) || name.split(/[/\\]/).some((part) => part === '..' || part === '.')
            ? 'is a path out of its place'
            : null
  if (reason !== null) throw new HeaderError(`the tensor name ${JSON.stringify(cut(name))} ${reason}`)
}

/** Parses the header's bytes. Throws a HeaderError. */
export function parseHeader(bytes: Uint8Array): Header {
  if (bytes[0] !== 0x7b) throw new HeaderError("the header does not begin with '{'")
  const cursor: Cursor = {
    bytes,
    at: 0,
    refuse: (message) => {
      throw new HeaderError(message)
    },
  }
  const tensors: RawTensor[] = []
  let metadata: Record<string, string> = {}
  readObject(cursor, 'the header', LONGEST_NAME, (key) => {
    if (key === '__metadata__') {
      metadata = readMetadata(cursor)
      return
    }
    checkName(key)
    tensors.push(readTensor(cursor, key))
  })
  // writers pad the header with spaces so that the data is aligned
  if (!isPadding(cursor)) throw new HeaderError('something other than spaces follows the header')
  return { tensors, metadata }
}
