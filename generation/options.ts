/** A prompt, the options of an answer, and its tokens, as programs have them. */
import type { DecodeTokens } from './answer-text.ts'

/** Texts to token ids and back. */
export interface TextTokenizer {
  /** The token ids of a prompt, with the special tokens that the model expects. */
  readonly encode: (text: string) => Iterable<number> | Promise<Iterable<number>>
  /** The text of token ids, without special tokens. It is given all tokens of prompt and answer each time. */
  readonly decode: DecodeTokens
}

export interface GenerateOptions {
  /** Most tokens of the answer; 128 unless given. */
  readonly maxTokens?: number
  /** Divides the logits of what is drawn; 0, unless given, takes the most probable token. */
  readonly temperature?: number
  /** Draws from so many most probable tokens alone (Fan et al., 2018). */
  readonly topK?: number
  /** Draws from the fewest most probable tokens whose probabilities reach it, above 0 and up to 1 (Holtzman et al., 2020). */
  readonly topP?: number
  /** Draws from tokens of at least this share of the largest probability, above 0 and up to 1 (Nguyen et al., 2024). */
  readonly minP?: number
  /** Divides positive logits of tokens that were there, and multiplies negative ones (Keskar et al., 2019); 1 unless given. */
  readonly repetitionPenalty?: number
  /** Of what is drawn; 0 unless given. */
  readonly seed?: number
  /** Tokens that end the answer; they are given too. */
  readonly endTokens?: readonly number[]
  /** Texts before which the answer ends; they need a tokenizer. */
  readonly stop?: readonly string[]
  /** Brings texts to tokens and back. */
  readonly tokenizer?: TextTokenizer
  /** Ends the answer at once: the next token is a rejection with its reason. */
  readonly signal?: AbortSignal
  /**
   * Keeps what the prompt shares with the tokens before it, as in a conversation; false unless given. Devices but the cpu device
   * may round otherwise then, as the prompt is evaluated in other pieces.
   */
  readonly reusePrefix?: boolean
}

/** Why no further token comes: an end token, a stop, the number of tokens, or no room in what the plan keeps. */
export type AnswerEnd = 'end token' | 'stop' | 'length' | 'context'

export interface AnswerToken {
  readonly id: number
  /** ln of the probability that the model gave it, before penalties and temperature. */
  readonly logProbability: number
  /** Why it is the last one; null where more follow. */
  readonly end: AnswerEnd | null
}

export interface AnswerTextToken extends AnswerToken {
  /** The text that is certain with this token; the texts of all are the answer. */
  readonly text: string
}

export type TokenIds = Int32Array | readonly number[]

/** Of an answer in token ids. */
export type IdOptions = Omit<GenerateOptions, 'tokenizer' | 'stop'>

/** Of an answer in text. */
export type TextOptions = GenerateOptions & { readonly tokenizer: TextTokenizer }
