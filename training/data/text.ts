/** Text as training data. */
import { DataError } from '../errors.ts'
import type { StreamData } from './data.ts'
import { joinData } from './join.ts'
import { checkText, looksLike, type Help } from './binary.ts'
import { charactersOf, encodeText, type Vocabulary } from './vocabulary.ts'

export interface Text {
  readonly name: string
  readonly text: string
}

/** JavaScript engines do not support longer strings. */
const MAX_BYTES = 2 ** 29 - 24

/** Decodes a text file. Throws a DataError with the line that is not UTF-8, and the advice of `help`. */
export function decodeUtf8(bytes: Uint8Array, name: string, help: Help = looksLike): string {
  checkText(bytes, name, help)
  if (bytes.length > MAX_BYTES)
    throw new DataError(
      name,
      null,
      `has ${bytes.length} bytes, the maximum is ${MAX_BYTES}; split it into several files, which are read as one`,
    )
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new DataError(name, lineOfFault(bytes), `is not UTF-8; ${help(bytes)}`)
  }
}

/** The first line that is not UTF-8. Lines can be decoded one by one, since no multi-byte character contains a line feed. */
function lineOfFault(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(10, start)
    const end = feed < 0 ? bytes.length : feed + 1
    try {
      decoder.decode(bytes.subarray(start, end))
    } catch {
      return line
    }
    start = end
  }
  return line
}

/** Concatenates texts; the default vocabulary is their characters. Throws a DataError. */
export function textData(
  texts: readonly Text[],
  vocabulary: Vocabulary = charactersOf(texts.map(({ text }) => text)),
): StreamData {
  const parts = texts.map(({ name, text }): StreamData => ({
    kind: 'stream',
    name,
    tokens: encodeText(text, vocabulary, name),
    vocabulary,
  }))
  return joinData(parts) as StreamData
}
