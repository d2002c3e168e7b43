/** The prompt as tokens, and how the tokens of the answer become text. */
import type { Decode } from '../../text/decoder/open.ts'
import { decodeTokens } from '../../training/data/vocabulary.ts'
import { readTokens } from '../eval/texts.ts'
import { EXIT, Failure } from '../exit.ts'
import { textReading } from '../run/text.ts'
import { readDecoder } from '../run/tokenizer.ts'
import { tokenizerPath } from '../run/tokenizer-path.ts'
import { vocabularyOf } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'

export interface Prompt {
  readonly tokens: Int32Array
  /** Null where only tokens are known. */
  readonly decode: Decode | null
}

export interface PromptOptions {
  readonly tokens?: string
}

/** Throws a Failure unless the prompt is given in one way. */
export function checkPromptOptions(text: string | undefined, { tokens }: PromptOptions): void {
  if (text === undefined && tokens === undefined)
    throw new Failure(EXIT.usage, 'a prompt is needed', 'write it after the model, or give token ids with --tokens FILE:TENSOR')
  if (text !== undefined && tokens !== undefined)
    throw new Failure(EXIT.usage, 'a prompt and --tokens are two ways to say one thing')
}

/** A tokenizer beside the weights, or the vocabulary of the run that saved them; null where there is neither. */
async function decoderBeside(weights: string, terminal: Terminal): Promise<Decode | null> {
  const path = tokenizerPath(weights, terminal)
  if (path !== null) return readDecoder(path, terminal)
  const vocabulary = await vocabularyOf(weights, terminal)
  return vocabulary === null ? null : (ids) => decodeTokens(ids, vocabulary)
}

async function ofTokens(given: string, model: string, terminal: Terminal): Promise<Int32Array> {
  const rows = await readTokens(given, { model }, terminal)
  if (rows.length === 1) return rows[0].tokens
  throw new Failure(EXIT.usage, `'${given}' holds ${rows.length} sequences, and one is continued`)
}

/** Reads the prompt. `weights` is where the weights are. Throws a Failure. */
export async function readPrompt(
  text: string | undefined,
  options: PromptOptions,
  weights: string | undefined,
  model: string,
  terminal: Terminal,
): Promise<Prompt> {
  const tokens =
    text === undefined
      ? await ofTokens(options.tokens!, model, terminal)
      : await textReading({ weights }, terminal)(new TextEncoder().encode(text), 'the prompt')
  if (tokens.length === 0) throw new Failure(EXIT.usage, 'the prompt has no tokens', 'a model continues at least one')
  return { tokens, decode: weights === undefined ? null : await decoderBeside(weights, terminal) }
}
