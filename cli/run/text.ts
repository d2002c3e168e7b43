/** Text as the tokens of an input. */
import { decodeUtf8 } from '../../training/data/text.ts'
import { encodeText, type Vocabulary } from '../../training/data/vocabulary.ts'
import { DataError } from '../../training/errors.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'
import { tokenizerPath } from './tokenizer-path.ts'
import { vocabularyOf } from './weights.ts'

/** The tokens of a text; `name` is for messages. Throws a Failure without a vocabulary. */
export type TextReading = (bytes: Uint8Array, name: string) => Promise<Int32Array>

const HELP = 'token ids are read from a .npy or .safetensors file'

interface Given {
  readonly bytes?: boolean
  readonly weights?: string
}

/** A DataError is a mistake in a file that the user named. */
function refusing<T>(work: () => T): T {
  try {
    return work()
  } catch (problem) {
    throw problem instanceof DataError ? new Failure(EXIT.usage, problem.message) : problem
  }
}

/** A text file. Throws a Failure for what is not UTF-8. */
export const textOf = (bytes: Uint8Array, name: string): string => refusing(() => decodeUtf8(bytes, name, () => HELP))

async function vocabularyFor(name: string, { weights }: Given, terminal: Terminal): Promise<Vocabulary> {
  const found = weights === undefined ? null : await vocabularyOf(weights, terminal)
  if (found !== null) return found
  const why =
    weights === undefined
      ? 'no weights of a run are given'
      : `the weights in '${weights}' have no tokenizer.json beside them, and are not of a run that learned from text`
  throw new Failure(
    EXIT.usage,
    `${name} is text, but ${why}: its vocabulary is not known`,
    `${HELP}; --bytes reads text as bytes`,
  )
}

/**
 * Tokenizes text: as bytes if requested, with the tokenizer beside the weights, or with the vocabulary of the run that saved
 * them.
 */
export const textReading =
  (given: Given, terminal: Terminal): TextReading =>
  async (bytes, name) => {
    if (given.bytes === true) return Int32Array.from(bytes)
    const tokenizer = given.weights === undefined ? null : tokenizerPath(given.weights, terminal)
    if (tokenizer !== null) {
      const text = textOf(bytes, name)
      const { withTokenizer } = await import('./tokenizer.ts')
      return withTokenizer(tokenizer, undefined, terminal, ({ encode }) => encode(text))
    }
    const vocabulary = await vocabularyFor(name, given, terminal)
    if (vocabulary.kind === 'bytes') return Int32Array.from(bytes)
    const text = textOf(bytes, name)
    return refusing(() => encodeText(text, vocabulary, name))
  }
