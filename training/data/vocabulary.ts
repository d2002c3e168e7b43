/** Vocabularies: bytes or characters, and the conversion between text and tokens. */
import { DataError } from '../errors.ts'

export type Vocabulary =
  /** Tokens are the bytes of UTF-8. */
  | { readonly kind: 'bytes' }
  /** Tokens are indices into a list of characters (code points), ascending. */
  | { readonly kind: 'characters'; readonly characters: readonly string[] }

export const vocabularySize = (vocabulary: Vocabulary): number =>
  vocabulary.kind === 'bytes' ? 256 : vocabulary.characters.length

/** The vocabulary of all characters of the texts. */
export function charactersOf(texts: Iterable<string>): Vocabulary {
  const found = new Set<number>()
  for (const text of texts) for (const character of text) found.add(character.codePointAt(0)!)
  return { kind: 'characters', characters: [...found].sort((a, b) => a - b).map((point) => String.fromCodePoint(point)) }
}

const codeOf = (character: string): string => `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`

/**
 * The tokens of a text; `name` is its name in messages. Throws a DataError with the line of a character that the vocabulary
 * lacks.
 */
export function encodeText(text: string, vocabulary: Vocabulary, name: string): Int32Array {
  if (vocabulary.kind === 'bytes') return Int32Array.from(new TextEncoder().encode(text))
  const ids = new Map(vocabulary.characters.map((character, id) => [character, id]))
  const tokens = new Int32Array(text.length)
  let [count, line] = [0, 1]
  for (const character of text) {
    const id = ids.get(character)
    if (id === undefined)
      throw new DataError(
        name,
        line,
        `the character ${JSON.stringify(character)} (${codeOf(character)}) is not in the vocabulary of ${ids.size}`,
      )
    if (character === '\n') line++
    tokens[count++] = id
  }
  return tokens.slice(0, count)
}

/** The text of tokens; unknown tokens become U+FFFD. */
export const decodeTokens = (tokens: ArrayLike<number>, vocabulary: Vocabulary): string =>
  vocabulary.kind === 'bytes'
    ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(tokens))
    : Array.from(tokens, (token) => vocabulary.characters[token] ?? '\ufffd').join('')
