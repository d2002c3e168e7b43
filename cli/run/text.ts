/** Text as the tokens of an input. */
import { decodeUtf8 } from '../../training/data/text.ts'
import { encodeText, type Vocabulary } from '../../training/data/vocabulary.ts'
import { DataError } from '../../training/errors.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'
import { vocabularyOf } from './weights.ts'

/** The tokens of a text; `name` is for messages. Throws a Failure without a vocabulary. */
export type TextReading = (bytes: Uint8Array, name: string) => Promise<Int32Array>

const HELP = 'token ids are read from a .npy or .safetensors file'

interface Given {
  readonly bytes?: boolean
  readonly weights?: string
}

async function vocabularyFor(name: string, { weights }: Given, terminal: Terminal): Promise<Vocabulary> {
  const found = weights === undefined ? null : await vocabularyOf(weights, terminal)
  if (found !== null) return found
  const why =
    weights === undefined
      ? 'no weights of a run are given'
      : `the weights in '${weights}' are not of a run that learned from text`
  throw new Failure(
    EXIT.usage,
    `${name} is text, but ${why}: its vocabulary is not known`,
    `${HELP}; --bytes reads text as bytes`,
  )
}

/** Tokenizes text as in training: as bytes if requested, else with the vocabulary of the run that saved the weights. */
export const textReading =
  (given: Given, terminal: Terminal): TextReading =>
  async (bytes, name) => {
    if (given.bytes === true) return Int32Array.from(bytes)
    const vocabulary = await vocabularyFor(name, given, terminal)
    if (vocabulary.kind === 'bytes') return Int32Array.from(bytes)
    try {
      return encodeText(
        decodeUtf8(bytes, name, () => HELP),
        vocabulary,
        name,
      )
    } catch (problem) {
      throw problem instanceof DataError ? new Failure(EXIT.usage, problem.message) : problem
    }
  }
