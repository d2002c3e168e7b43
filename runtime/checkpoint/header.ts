/**
 * The header of a safetensors file, read strictly: JSON of one fixed form, so that no depth, repeated key or number that is not
 * written as a whole one passes. Its own reader, since `JSON.parse` keeps the last of repeated keys and takes 2e0 for 2.
 */

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

interface Cursor {
  readonly text: string
  at: number
}

const SPACE = /[ \t\n\r]*/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y
const NUMBER = /-?[0-9][0-9a-zA-Z.+-]*/y
const WHOLE = /^(?:0|[1-9][0-9]{0,19})$/
const LONE_SURROGATE = /\p{Surrogate}/u

function match(cursor: Cursor, pattern: RegExp): string | null {
  pattern.lastIndex = cursor.at
  const found = pattern.exec(cursor.text)?.[0] ?? null
  if (found !== null) cursor.at += found.length
  return found
}

function fail(cursor: Cursor, expected: string): never {
  const found = cursor.at < cursor.text.length ? `'${cursor.text[cursor.at]}'` : 'the end'
  throw new HeaderError(`${expected} is expected at character ${cursor.at} of the header, not ${found}`)
}

function peek(cursor: Cursor): string | undefined {
  match(cursor, SPACE)
  return cursor.text[cursor.at]
}

function take(cursor: Cursor, character: string): void {
  if (peek(cursor) !== character) fail(cursor, `'${character}'`)
  cursor.at++
}

function readString(cursor: Cursor, what: string): string {
  peek(cursor)
  const start = cursor.at
  const raw = match(cursor, STRING)
  if (raw === null) return fail(cursor, what)
  try {
    const value = JSON.parse(raw) as string
    if (!LONE_SURROGATE.test(value)) return value
  } catch {
    // told below
  }
  throw new HeaderError(`${what} at character ${start} of the header is no valid text`)
}

/** A whole number of at most 64 bits, written as one. */
function readWhole(cursor: Cursor): bigint {
  peek(cursor)
  const raw = match(cursor, NUMBER)
  if (raw === null) return fail(cursor, 'a whole number')
  const value = WHOLE.test(raw) ? BigInt(raw) : -1n
  if (value < 0n || value >= 2n ** 64n) throw new HeaderError(`${raw} is no whole number from 0 on`)
  return value
}

function readList(cursor: Cursor): readonly bigint[] {
  const values: bigint[] = []
  take(cursor, '[')
  while (peek(cursor) !== ']') {
    if (values.length > 0) take(cursor, ',')
    values.push(readWhole(cursor))
  }
  take(cursor, ']')
  return values
}

/** Each member once; `read` takes its value. */
function readObject(cursor: Cursor, what: string, read: (key: string) => void): void {
  const seen = new Set<string>()
  take(cursor, '{')
  while (peek(cursor) !== '}') {
    if (seen.size > 0) take(cursor, ',')
    const key = readString(cursor, 'a name')
    if (seen.has(key)) throw new HeaderError(`${what} has '${key}' twice`)
    seen.add(key)
    take(cursor, ':')
    read(key)
  }
  take(cursor, '}')
}

function readTensor(cursor: Cursor, name: string): RawTensor {
  const found: { dtype?: string; shape?: readonly bigint[]; offsets?: readonly bigint[] } = {}
  readObject(cursor, `tensor '${name}'`, (key) => {
    if (key === 'dtype') found.dtype = readString(cursor, 'a type')
    else if (key === 'shape') found.shape = readList(cursor)
    else if (key === 'data_offsets') found.offsets = readList(cursor)
    else throw new HeaderError(`tensor '${name}' has the unknown field '${key}'`)
  })
  const { dtype, shape, offsets } = found
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    throw new HeaderError(`tensor '${name}' lacks ${dtype === undefined ? 'dtype' : shape === undefined ? 'shape' : 'data_offsets'}`)
  }
  if (offsets.length !== 2) throw new HeaderError(`tensor '${name}' has ${offsets.length} offsets, not two`)
  return { name, dtype, shape, begin: offsets[0], end: offsets[1] }
}

function readMetadata(cursor: Cursor): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>
  if (peek(cursor) === 'n' && cursor.text.startsWith('null', cursor.at)) {
    cursor.at += 4
    return metadata
  }
  readObject(cursor, '__metadata__', (key) => {
    metadata[key] = readString(cursor, 'a text')
  })
  return metadata
}

/** Names become paths and keys in other hands, so those that mean more than themselves there are refused. */
function checkName(name: string): void {
  const reason =
    name === '' ? 'is empty'
    : name === '__proto__' ? 'is reserved'
    : /[\u0000-\u001f\u007f]/.test(name) ? 'has control characters'
    : /^[/\\]/.test(name) || name.split(/[/\\]/).some((part) => part === '..' || part === '.') ? 'is a path out of its place'
    : null
  if (reason !== null) throw new HeaderError(`the tensor name ${JSON.stringify(name)} ${reason}`)
}

/** Parses the header's bytes. Throws a HeaderError. */
export function parseHeader(bytes: Uint8Array): Header {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new HeaderError('the header is not UTF-8')
  }
  if (text[0] !== '{') throw new HeaderError("the header does not begin with '{'")
  const cursor: Cursor = { text, at: 0 }
  const tensors: RawTensor[] = []
  let metadata: Record<string, string> = {}
  readObject(cursor, 'the header', (key) => {
    if (key === '__metadata__') {
      metadata = readMetadata(cursor)
      return
    }
    checkName(key)
    tensors.push(readTensor(cursor, key))
  })
  // writers pad the header with spaces so that the data is aligned
  if (!/^ *$/.test(text.slice(cursor.at))) throw new HeaderError('something other than spaces follows the header')
  return { tensors, metadata }
}
