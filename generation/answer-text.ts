/** The text of an answer from its tokens, as far as it is certain, and the stop that ends it. */
import { textStream } from '../text/decoder/stream.ts'
import { stopSearch } from './stops.ts'

/** The text of token ids. */
export type DecodeTokens = (ids: readonly number[]) => string

export interface AnswerText {
  /** Adds a token; the text that is certain with it, often none. */
  readonly add: (id: number) => string
  /** Whether a stop was found: the text ends before it. */
  readonly isOver: () => boolean
  /** The text that was held back. */
  readonly end: () => string
}

/** Text after the tokens of a prompt; no stop is empty. */
export function answerText(decode: DecodeTokens, prompt: readonly number[], stops: readonly string[]): AnswerText {
  const [text, search] = [textStream(decode, prompt), stopSearch(stops)]
  return {
    add: (id) => search.add(text.add(id)),
    isOver: search.isFound,
    end: () => search.add(text.end()) + search.end(),
  }
}
