/** Bounds the JSON of a tokenizer before it is parsed: a small file may ask for much memory. */
import { TokenizerError } from './errors.ts'

/** Bytes. The largest published tokenizers have 34 MB. */
export const MOST_BYTES = 128 * 2 ** 20
/** Strings, numbers, lists and objects; the largest published tokenizers have three million. */
const MOST_VALUES = 12_000_000
const DEEPEST = 64

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const isOpening = (byte: number): boolean => byte === 0x5b || byte === 0x7b
const isClosing = (byte: number): boolean => byte === 0x5d || byte === 0x7d

/** The byte behind a string that begins before `at`. */
function skipString(bytes: Uint8Array, at: number): number {
  for (; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++
  return at + 1
}

/** Throws a TokenizerError for a text that is too long, is nested too deeply or has too many values. */
export function checkSize(bytes: Uint8Array): void {
  const refuse = (message: string): never => {
    throw new TokenizerError('format', `it ${message}`)
  }
  if (bytes.length > MOST_BYTES) refuse(`has more than ${MOST_BYTES / 2 ** 20} MiB`)
  let [depth, values] = [0, 0]
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) at = skipString(bytes, at + 1) - 1
    else if (byte === COMMA || byte === COLON) values++
    else if (isOpening(byte)) {
      values++
      if (++depth > DEEPEST) refuse(`is nested more than ${DEEPEST} deep`)
    } else if (isClosing(byte)) depth--
    if (values > MOST_VALUES) refuse(`has more than ${MOST_VALUES} values`)
  }
}
