/** Reads the subset of JSON that a safetensors header uses, from its bytes. */

import { cut, quoted } from './quote.ts'

export interface Cursor {
  readonly bytes: Uint8Array
  at: number
  /** Ends the reading. */
  readonly refuse: (message: string) => never
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20

const isSpace = (byte: number): boolean => byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
/** Bytes of a JSON number, or of an invalid word in its place. */
const isNumeric = (byte: number): boolean =>
  isDigit(byte) ||
  byte === 0x2b ||
  byte === 0x2d ||
  byte === 0x2e ||
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x61 && byte <= 0x7a)
const isPrintable = (byte: number): boolean => byte >= SPACE && byte < 0x7f

function refuseHere(cursor: Cursor, expected: string): never {
  const byte = cursor.bytes[cursor.at] as number | undefined
  const found = byte === undefined ? 'the end' : isPrintable(byte) ? `'${String.fromCharCode(byte)}'` : `byte ${byte}`
  return cursor.refuse(`${expected} is expected at byte ${cursor.at} of the header, not ${found}`)
}

/** The next character that is not whitespace; the empty string at the end. */
export function peek(cursor: Cursor): string {
  const { bytes } = cursor
  while (cursor.at < bytes.length && isSpace(bytes[cursor.at])) cursor.at++
  return cursor.at < bytes.length ? String.fromCharCode(bytes[cursor.at]) : ''
}

export function take(cursor: Cursor, character: string): void {
  if (peek(cursor) !== character) refuseHere(cursor, `'${character}'`)
  cursor.at++
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const LONE_SURROGATE = /\p{Surrogate}/u

interface Raw {
  readonly start: number
  /** Of the closing quote. */
  readonly end: number
  readonly hasEscape: boolean
}

/** Finds the end of a string of at most `longest` bytes and moves the cursor past it. */
function scanString(cursor: Cursor, what: string, longest: number): Raw {
  const { bytes } = cursor
  const start = cursor.at
  const last = Math.min(bytes.length, start + 1 + longest)
  let at = start + 1
  let hasEscape = false
  for (; at < last && bytes[at] !== QUOTE; at++) {
    if (bytes[at] < SPACE) cursor.refuse(`${what} at byte ${start} of the header has a control character`)
    if (bytes[at] === BACKSLASH) {
      hasEscape = true
      at++
    }
  }
  if (at < bytes.length && bytes[at] !== QUOTE)
    cursor.refuse(`${what} at byte ${start} of the header is longer than ${longest} bytes`)
  if (at >= bytes.length) cursor.refuse(`${what} at byte ${start} of the header does not end`)
  cursor.at = at + 1
  return { start, end: at, hasEscape }
}

/** Reads a string of at most `longest` bytes. */
export function readString(cursor: Cursor, what: string, longest: number): string {
  if (peek(cursor) !== '"') refuseHere(cursor, what)
  const { start, end, hasEscape } = scanString(cursor, what, longest)
  try {
    const value = hasEscape
      ? (JSON.parse(decoder.decode(cursor.bytes.subarray(start, end + 1))) as string)
      : decoder.decode(cursor.bytes.subarray(start + 1, end))
    if (!hasEscape || !LONE_SURROGATE.test(value)) return value
  } catch {
    // refused below
  }
  return cursor.refuse(`${what} at byte ${start} of the header is not valid text`)
}

/** Digits of 2^64 - 1. */
const MAX_DIGITS = 20

/** Reads an unsigned 64-bit integer. */
export function readWhole(cursor: Cursor): bigint {
  peek(cursor)
  const { bytes, at: start } = cursor
  let end = start
  // one digit more than is valid, and some context for the message
  while (end < bytes.length && end - start < 2 * MAX_DIGITS && isNumeric(bytes[end])) end++
  if (end === start || !(isDigit(bytes[start]) || bytes[start] === 0x2d)) refuseHere(cursor, 'a whole number')
  const raw = String.fromCharCode(...bytes.subarray(start, end))
  cursor.at = end
  const value = /^(?:0|[1-9][0-9]{0,19})$/.test(raw) ? BigInt(raw) : -1n
  if (value >= 0n && value < 2n ** 64n) return value
  const isCut = end < bytes.length && isNumeric(bytes[end])
  return cursor.refuse(`${cut(raw)}${isCut ? '...' : ''} at byte ${start} of the header is not a whole number from 0 to 2^64 - 1`)
}

/** Reads an object whose keys are distinct and have at most `longest` bytes; `read` consumes each value. */
export function readObject(cursor: Cursor, what: string, longest: number, read: (key: string) => void): void {
  const seen = new Set<string>()
  take(cursor, '{')
  while (peek(cursor) !== '}') {
    if (seen.size > 0) take(cursor, ',')
    const key = readString(cursor, 'a name', longest)
    if (seen.has(key)) cursor.refuse(`${what} has ${quoted(key)} twice`)
    seen.add(key)
    take(cursor, ':')
    read(key)
  }
  take(cursor, '}')
}

/** Whether only spaces follow. */
export function isPadding({ bytes, at }: Cursor): boolean {
  let end = at
  while (end < bytes.length && bytes[end] === SPACE) end++
  return end === bytes.length
}
