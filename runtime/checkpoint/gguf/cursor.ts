/** Reads little-endian numbers and strings of a GGUF header from the bytes that have been fetched so far. */
import { HeaderError } from '../header.ts'

/** The bytes fetched so far end before the header does. */
export class Short extends Error {}

export interface Cursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Bytes of the whole file: a header that promises more is refused, however little of it has been fetched. */
  readonly fileBytes: number
  at: number
}

export const cursorOf = (bytes: Uint8Array, fileBytes: number): Cursor => ({
  bytes,
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  fileBytes,
  at: 0,
})

/** Throws a HeaderError where the file ends within the next `count` bytes, and Short where the fetched bytes do. */
export function demand(cursor: Cursor, count: number | bigint, what: string): void {
  if (BigInt(cursor.at) + BigInt(count) > BigInt(cursor.fileBytes))
    throw new HeaderError(`${what} at byte ${cursor.at} takes ${count} bytes, and the file ends at byte ${cursor.fileBytes}`)
  if (cursor.at + Number(count) > cursor.bytes.length) throw new Short()
}

/** The place of the next `count` bytes, which are passed over. */
export function take(cursor: Cursor, count: number, what: string): number {
  demand(cursor, count, what)
  const at = cursor.at
  cursor.at += count
  return at
}

export const readU32 = (cursor: Cursor, what: string): number => cursor.view.getUint32(take(cursor, 4, what), true)
export const readU64 = (cursor: Cursor, what: string): bigint => cursor.view.getBigUint64(take(cursor, 8, what), true)

/** A count of things that take at least `least` bytes each. Throws a HeaderError for more than the file can hold. */
export function readCount(cursor: Cursor, least: number, what: string): number {
  const count = readU64(cursor, `the number of ${what}`)
  const most = Math.floor((cursor.fileBytes - cursor.at) / least)
  if (count > BigInt(most))
    throw new HeaderError(`the file says it has ${count} ${what}, and after byte ${cursor.at} it has room for ${most}`)
  return Number(count)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A string in UTF-8. Throws a HeaderError where it is longer than `longest` bytes or is not UTF-8. */
export function readString(cursor: Cursor, what: string, longest = Infinity): string {
  const length = readU64(cursor, `the length of ${what}`)
  if (length > longest) throw new HeaderError(`${what} at byte ${cursor.at} has ${length} bytes, more than ${longest}`)
  demand(cursor, length, what)
  const at = take(cursor, Number(length), what)
  try {
    return decoder.decode(cursor.bytes.subarray(at, cursor.at))
  } catch {
    throw new HeaderError(`${what} at byte ${at} is not UTF-8`)
  }
}
