/**
 * Pieces back to text, as the `tokenizers` crate decodes: the decoder of a `tokenizer.json` is a chain of steps, each from a
 * list of pieces to a list of pieces. Pure; nothing in it runs a pattern of the file.
 */
import { BYTE_CHARACTERS } from '../tokenizer/models.ts'
import { components, flagAt, textAt, unsupported, wholeAt, type Fields } from '../tokenizer/fields.ts'
import { patternAt } from '../tokenizer/patterns.ts'

/** Pieces to pieces. */
export type DecodeStep = (pieces: readonly string[]) => readonly string[]

const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]))

/** Invalid UTF-8 becomes U+FFFD. */
const utf8 = (bytes: readonly number[]): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))

const eachPiece =
  (change: (piece: string, at: number, count: number) => string): DecodeStep =>
  (pieces) =>
    pieces.map((piece, at) => change(piece, at, pieces.length))

/** Characters stand for bytes (GPT-2); a piece with any other character stands for its own UTF-8. */
function bytesOfPiece(piece: string): readonly number[] {
  const bytes = [...piece].map((character) => BYTE_OF.get(character))
  return bytes.includes(undefined) ? [...new TextEncoder().encode(piece)] : (bytes as number[])
}

const byteLevel: DecodeStep = (pieces) => [utf8(pieces.flatMap(bytesOfPiece))]

const FALLBACK = /^<0x([0-9A-Fa-f]{2})>$/

/** Runs of `<0x0A>` become their bytes; each byte of a run that is not UTF-8 becomes U+FFFD. */
const byteFallback: DecodeStep = (pieces) => {
  const found: string[] = []
  let bytes: number[] = []
  const flush = (): void => {
    if (bytes.length === 0) return
    try {
      found.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)))
    } catch {
      found.push(...bytes.map(() => '\uFFFD'))
    }
    bytes = []
  }
  for (const piece of pieces) {
    const [, hex] = FALLBACK.exec(piece) ?? []
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16))
    else {
      flush()
      found.push(piece)
    }
  }
  flush()
  return found
}

/** The first piece loses its marks where the pre-tokenizer adds one. */
function metaspace(fields: Fields, at: string): readonly DecodeStep[] {
  const mark = textAt(fields.replacement, `${at}.replacement`)
  const prepends =
    fields.prepend_scheme == null
      ? fields.add_prefix_space !== false
      : textAt(fields.prepend_scheme, `${at}.prepend_scheme`) !== 'never'
  return [eachPiece((piece, index) => piece.replaceAll(mark, index === 0 && prepends ? '' : ' '))]
}

/** English, as BERT's tokenizer cleans it up. */
const CLEAN_UP: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
]
const cleanUp = (text: string): string => CLEAN_UP.reduce((all, [from, to]) => all.replaceAll(from, to), text)

function wordPiece(fields: Fields, at: string): readonly DecodeStep[] {
  const prefix = textAt(fields.prefix ?? '##', `${at}.prefix`)
  const cleans = flagAt(fields.cleanup, `${at}.cleanup`, true)
  return [
    eachPiece((piece, index) => {
      const joined = index === 0 ? piece : piece.startsWith(prefix) ? piece.slice(prefix.length) : ` ${piece}`
      return cleans ? cleanUp(joined) : joined
    }),
  ]
}

function bpe(fields: Fields, at: string): readonly DecodeStep[] {
  const suffix = textAt(fields.suffix ?? '</w>', `${at}.suffix`)
  return [eachPiece((piece, index, count) => piece.replaceAll(suffix, index === count - 1 ? '' : ' '))]
}

function replace(fields: Fields, at: string): readonly DecodeStep[] {
  const { kind, text } = patternAt(fields.pattern, `${at}.pattern`)
  if (kind === 'regex') unsupported(`${at}.pattern`, 'is a regular expression, which is not supported')
  if (text === '') unsupported(`${at}.pattern`, 'is empty')
  const content = textAt(fields.content, `${at}.content`)
  return [eachPiece((piece) => piece.replaceAll(text, () => content))]
}

/** Removes at most `start` characters at the start of a piece, and `stop` at its end. */
function strip(fields: Fields, at: string): readonly DecodeStep[] {
  const content = textAt(fields.content, `${at}.content`)
  if ([...content].length !== 1) unsupported(`${at}.content`, 'is not one character')
  const [start, stop] = [wholeAt(fields.start, `${at}.start`, 2 ** 16), wholeAt(fields.stop, `${at}.stop`, 2 ** 16)]
  return [
    eachPiece((piece) => {
      const characters = [...piece]
      let [from, to] = [0, characters.length]
      while (from < start && characters[from] === content) from++
      while (characters.length - to < stop && to > from && characters[to - 1] === content) to--
      return characters.slice(from, to).join('')
    }),
  ]
}

const TABLE: Readonly<Record<string, (fields: Fields, at: string) => readonly DecodeStep[]>> = {
  ByteLevel: () => [byteLevel],
  ByteFallback: () => [byteFallback],
  Fuse: () => [(pieces) => [pieces.join('')]],
  Metaspace: metaspace,
  WordPiece: wordPiece,
  BPEDecoder: bpe,
  Replace: replace,
  Strip: strip,
}

/** Without a decoder, a space is between tokens. Throws a TokenizerError. */
export function translateDecoder(value: unknown, at: string): (pieces: readonly string[]) => string {
  if (value == null) return (pieces) => pieces.join(' ')
  const steps = components(value, at, 'decoders', TABLE)
  return (pieces) => steps.reduce((all, step) => step(all), pieces).join('')
}
