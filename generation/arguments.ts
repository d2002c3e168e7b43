/** Checks a prompt and the options of an answer. */
import {
  ArgumentError,
  callable,
  checkArgument,
  flag,
  list,
  object,
  options,
  positive,
  real,
  text,
  whole,
  type Form,
} from '../plan/arguments.ts'
import type { GenerateOptions, TokenIds } from './options.ts'

/** A number in a range; `says` is what is expected. */
const within =
  (isIn: (value: number) => boolean, says: string): Form =>
  (value, path) =>
    real(value, path) ?? (isIn(value as number) ? null : { path, message: `is ${String(value)}; ${says} is expected` })

const share = within((value) => value > 0 && value <= 1, 'a number above 0 and up to 1')
const stopText: Form = (value, path) => text(value, path) ?? (value === '' ? { path, message: 'is empty' } : null)

const OPTIONS = options({
  maxTokens: whole,
  temperature: within((value) => value >= 0 && value <= 100, 'a number from 0 to 100'),
  topK: positive,
  topP: share,
  minP: share,
  repetitionPenalty: within((value) => value > 0 && value <= 100, 'a number above 0 and up to 100'),
  seed: whole,
  endTokens: list(whole),
  stop: list(stopText),
  tokenizer: object({ encode: callable, decode: callable }),
  signal: object({ throwIfAborted: callable, addEventListener: callable, removeEventListener: callable }),
  reusePrefix: flag,
})

const PROMPT: Form = (value, path) =>
  typeof value === 'string' || value instanceof Int32Array || Array.isArray(value)
    ? null
    : { path, message: 'is no text and no token ids' }

/** Throws an ArgumentError, for options that exclude each other too. Which tokens there are is checked by the model. */
export function checkGenerate(prompt: string | TokenIds, given: GenerateOptions): void {
  const call = 'generate'
  checkArgument(call, 'prompt', prompt, PROMPT)
  checkArgument(call, 'options', given, OPTIONS)
  const { temperature = 0, stop = [], tokenizer } = given
  const idle = (['topK', 'topP', 'minP'] as const).find((name) => given[name] !== undefined)
  if (temperature === 0 && idle !== undefined)
    throw new ArgumentError(call, `options.${idle}`, 'needs a temperature: the most probable token is taken, and none is drawn')
  if (typeof prompt === 'string' && tokenizer === undefined)
    throw new ArgumentError(call, 'options.tokenizer', 'is missing: the prompt is a text')
  if (stop.length > 0 && tokenizer === undefined)
    throw new ArgumentError(call, 'options.tokenizer', 'is missing: a stop is a text')
}
