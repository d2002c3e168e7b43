/** The models that cut a piece of text into tokens, checked field by field. */
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { flagAt, listAt, recordAt, textAt, textOrNone, unsupported, wholeAt, type Fields } from './fields.ts'
import { TokenizerError } from './errors.ts'

export interface TokenModel {
  /** As the library takes it. */
  readonly model: Fields
  readonly idOf: (token: string) => number | undefined
  /** Whether neighbours without a token become one unknown token. */
  readonly fuses: boolean
}

/** Larger ids would make long lists with holes. */
export const MOST_IDS = 2 ** 22

type Vocabulary = Readonly<Record<string, number>>

function vocabularyAt(value: unknown, at: string): Vocabulary {
  const vocabulary = recordAt(value, at)
  for (const [token, id] of Object.entries(vocabulary)) {
    // the name of a place for each of a million tokens would take seconds
    const isId = Number.isInteger(id) && (id as number) >= 0 && (id as number) <= MOST_IDS
    if (!isId) wholeAt(id, `${at}[${quoted(token)}]`, MOST_IDS)
  }
  return vocabulary as Vocabulary
}

const idIn =
  (vocabulary: Vocabulary) =>
  (token: string): number | undefined =>
    Object.hasOwn(vocabulary, token) ? vocabulary[token] : undefined

function unknownToken(value: unknown, at: string, vocabulary: Vocabulary): string | null {
  const token = textOrNone(value, at)
  if (token !== null && !Object.hasOwn(vocabulary, token))
    throw new TokenizerError('format', `'${at}' is ${quoted(token)}, which is not in the vocabulary`)
  return token
}

/** Two tokens, as a list or with a space between; both and what they become are in the vocabulary. */
function mergeAt(value: unknown, at: string, vocabulary: Vocabulary): readonly [string, string] {
  const parts = typeof value === 'string' ? value.split(' ') : listAt(value, at)
  if (parts.length !== 2) throw new TokenizerError('format', `'${at}' is not two tokens`)
  const [left, right] = [textAt(parts[0], `${at}[0]`), textAt(parts[1], `${at}[1]`)]
  const stray = [left, right, left + right].find((token) => !Object.hasOwn(vocabulary, token))
  if (stray !== undefined) throw new TokenizerError('format', `'${at}' has ${quoted(stray)}, which is not in the vocabulary`)
  return [left, right]
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte)

const fallbackOf = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`

const isPrintable = (byte: number): boolean => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)

/** The character of each byte in vocabularies of bytes: itself where it prints, else one from U+0100 on, in order (GPT-2). */
export const BYTE_CHARACTERS: readonly string[] = BYTES.map((byte) =>
  String.fromCharCode(isPrintable(byte) ? byte : 256 + BYTES.slice(0, byte).filter((other) => !isPrintable(other)).length),
)

/** Where the model has no token for an unknown character, there must be none: the crate would join its neighbours. */
function checkComplete(vocabulary: Vocabulary, at: string): void {
  const absent = BYTE_CHARACTERS.filter((character) => !Object.hasOwn(vocabulary, character)).length
  if (absent > 0) unsupported(`${at}.unk_token`, `is missing, and so are tokens of ${absent} of the 256 bytes`)
}

function bpe(fields: Fields, at: string): TokenModel {
  if (fields.dropout != null && fields.dropout !== 0) unsupported(`${at}.dropout`, 'makes tokens random')
  if (textOrNone(fields.continuing_subword_prefix, `${at}.continuing_subword_prefix`) !== null)
    unsupported(`${at}.continuing_subword_prefix`, 'is not supported')
  const vocabulary = vocabularyAt(fields.vocab, `${at}.vocab`)
  const merges = listAt(fields.merges, `${at}.merges`).map((one, index) => mergeAt(one, `${at}.merges[${index}]`, vocabulary))
  const unknown = unknownToken(fields.unk_token, `${at}.unk_token`, vocabulary)
  const fallsBack = flagAt(fields.byte_fallback, `${at}.byte_fallback`, false)
  const hasBytes = fallsBack && BYTES.every((byte) => Object.hasOwn(vocabulary, fallbackOf(byte)))
  if (unknown === null && !hasBytes) checkComplete(vocabulary, at)
  const fuses = flagAt(fields.fuse_unk, `${at}.fuse_unk`, false) && unknown !== null && !hasBytes
  const model = {
    type: 'BPE',
    vocab: vocabulary,
    merges,
    unk_token: unknown,
    end_of_word_suffix: textOrNone(fields.end_of_word_suffix, `${at}.end_of_word_suffix`),
    fuse_unk: fuses,
    byte_fallback: fallsBack,
    ignore_merges: flagAt(fields.ignore_merges, `${at}.ignore_merges`, false),
  }
  return { model, idOf: idIn(vocabulary), fuses }
}

function wordPiece(fields: Fields, at: string): TokenModel {
  const vocabulary = vocabularyAt(fields.vocab, `${at}.vocab`)
  const model = {
    type: 'WordPiece',
    vocab: vocabulary,
    unk_token: unknownToken(textAt(fields.unk_token, `${at}.unk_token`), `${at}.unk_token`, vocabulary),
    continuing_subword_prefix: textAt(fields.continuing_subword_prefix ?? '##', `${at}.continuing_subword_prefix`),
    max_input_chars_per_word: wholeAt(fields.max_input_chars_per_word, `${at}.max_input_chars_per_word`, 10_000, 100),
  }
  return { model, idOf: idIn(vocabulary), fuses: false }
}

function scoredAt(value: unknown, at: string): readonly [string, number] {
  const parts = listAt(value, at)
  const score = parts[1]
  if (parts.length !== 2 || typeof score !== 'number' || !Number.isFinite(score))
    throw new TokenizerError('format', `'${at}' is not a token and its score`)
  return [textAt(parts[0], `${at}[0]`), score]
}

function unigram(fields: Fields, at: string): TokenModel {
  if (flagAt(fields.byte_fallback, `${at}.byte_fallback`, false)) unsupported(`${at}.byte_fallback`, 'is not supported')
  const vocab = listAt(fields.vocab, `${at}.vocab`).map((one, index) => scoredAt(one, `${at}.vocab[${index}]`))
  if (vocab.length > MOST_IDS) unsupported(`${at}.vocab`, `has more than ${MOST_IDS} tokens`)
  if (fields.unk_id == null) unsupported(`${at}.unk_id`, 'is missing: text without a token has none')
  const ids = new Map(vocab.map(([token], id) => [token, id]))
  const model = { type: 'Unigram', vocab, unk_id: wholeAt(fields.unk_id, `${at}.unk_id`, vocab.length - 1) }
  return { model, idOf: (token) => ids.get(token), fuses: true }
}

const TABLE: Readonly<Record<string, (fields: Fields, at: string) => TokenModel>> = {
  BPE: bpe,
  WordPiece: wordPiece,
  Unigram: unigram,
}

/** Files of older versions name no type. */
const typeOf = (fields: Fields): unknown =>
  fields.type ?? (fields.merges !== undefined ? 'BPE' : Array.isArray(fields.vocab) ? 'Unigram' : undefined)

/** Throws a TokenizerError. */
export function translateModel(value: unknown, at: string): TokenModel {
  const fields = recordAt(value, at)
  const type = textAt(typeOf(fields), `${at}.type`)
  if (!Object.hasOwn(TABLE, type)) unsupported(at, `is of the type ${quoted(type)}, which is not supported`)
  return TABLE[type](fields, at)
}
