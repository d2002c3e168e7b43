/** Detects binary data. */
import { DataError } from '../errors.ts'
import { asTokens, type Reading } from './raw.ts'

/** Control characters that do not occur in text: all except tab, line feeds, form feed and escape. */
const isControl = (byte: number): boolean => byte < 9 || (byte > 13 && byte < 27) || (byte > 27 && byte < 32)

/** The maximum fraction of control characters in text: terminal output contains some. */
const MAX_CONTROL = 0.01

/** UTF-16 of Latin letters: every other byte is 0, and the others are printable. */
function isWideText(bytes: Uint8Array): boolean {
  const side = bytes[0] === 0 ? 1 : 0
  return bytes.length % 2 === 0 && bytes.every((byte, at) => (at % 2 === side ? byte !== 0 && !isControl(byte) : byte === 0))
}

/** Text in a single-byte encoding is mostly printable ASCII. */
const isNarrowText = (bytes: Uint8Array): boolean => {
  const printed = bytes.reduce((count, byte) => count + ((byte >= 32 && byte < 127) || (byte >= 9 && byte <= 13) ? 1 : 0), 0)
  return !bytes.includes(0) && printed > 0.7 * bytes.length
}

const describe = ({ type, tokens, largest }: Reading): string =>
  `${tokens.toLocaleString('en')} of ${type}, the largest ${largest}`

/** A guess at the format of binary data, and the option of `smoe train` that reads it. */
export function looksLike(bytes: Uint8Array): string {
  if (isWideText(bytes)) return 'it looks like UTF-16; save it as UTF-8'
  if (isNarrowText(bytes)) return 'it looks like text in another encoding; save it as UTF-8, or read it as bytes with --bytes'
  const readings = asTokens(bytes)
  const bytesAsTokens = halvesAreZero(bytes) ? undefined : readings.find(({ type }) => type === 'u8')
  // else the widest plausible type: with a narrower one some numbers would be too large for token ids
  const likely = bytesAsTokens ?? readings[0]
  const others = readings.filter((reading) => reading !== likely && (reading.type !== 'u8' || !halvesAreZero(bytes)))
  if (likely === undefined) return '--bytes reads it as bytes, --tokens TYPE as token ids'
  const also = others.length === 0 ? '' : ` (or ${others.map(describe).join(', or ')})`
  return `it looks like token ids, ${describe(likely)}${also}: --tokens ${likely.type} reads it so, --bytes as bytes`
}

const halvesAreZero = (bytes: Uint8Array): boolean => bytes.every((byte, at) => at % 2 === 0 || byte === 0)

/** The advice for binary data. */
export type Help = (bytes: Uint8Array) => string

/** Throws a DataError for bytes that are not text; does not check the encoding. */
export function checkText(bytes: Uint8Array, name: string, help: Help): void {
  const refuse = (why: string): never => {
    throw new DataError(name, null, `is not text: ${why}; ${help(bytes)}`)
  }
  const zero = bytes.indexOf(0)
  if (zero >= 0) refuse(`byte ${zero} is 0`)
  const controls = bytes.reduce((count, byte) => count + (isControl(byte) ? 1 : 0), 0)
  if (controls > MAX_CONTROL * bytes.length) refuse(`${controls} of its ${bytes.length} bytes are control characters`)
}
