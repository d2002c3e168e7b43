/** Tokens after a prompt, one by one. */
import { NotFiniteLogits } from '../analysis/eval/evaluate.ts'
import { logSum } from '../analysis/eval/row.ts'
import { stream } from '../training/random.ts'
import type { Continue, LayerChoice, Prediction } from './continuation.ts'
import { eventLoopTurn } from './event-loop.ts'
import { chooseToken, type Choice, type Sampling } from './sampling.ts'

export interface GeneratedToken extends Choice {
  /** The experts of the token before it, in each routed layer: those that predicted it. */
  readonly layers: readonly LayerChoice[]
  /** Why it is the last one; null where more follow. */
  readonly end: Exclude<GenerationEnd, 'aborted'> | null
}

/** Why no further token comes: one that ends the text, the number of tokens, or an abort. */
export type GenerationEnd = 'end token' | 'length' | 'aborted'

export interface GenerateRequest {
  /** i32, at least one token. */
  readonly prompt: Int32Array
  /** How many of its tokens the model was given already; none unless it is said. */
  readonly given?: number
  readonly model: Continue
  readonly sampling: Sampling
  /** Of what is drawn: the same numbers on every machine. */
  readonly seed: number
  readonly maxTokens: number
  /** Tokens that end the text; they are given too. */
  readonly ends: ReadonlySet<number>
  readonly signal?: AbortSignal
}

/** The log-sum of a row after so many tokens. Throws a NotFiniteLogits. */
function finiteSum({ row }: Prediction, tokens: number): number {
  const sum = logSum(row)
  if (!Number.isFinite(sum)) throw new NotFiniteLogits('the text', tokens)
  return sum
}

/** Null in the place of an abort. */
const abortedAs =
  (signal?: AbortSignal) =>
  (problem: unknown): null => {
    if (signal?.aborted === true) return null
    throw problem
  }

/**
 * The token at a position depends on the seed and the tokens before it alone. Throws a NotFiniteLogits, and what the model throws.
 */
export async function* generate(request: GenerateRequest): AsyncGenerator<GeneratedToken, GenerationEnd> {
  const { prompt, given = 0, model, sampling, seed, maxTokens, ends, signal } = request
  const { uniform } = stream(seed, 'tokens', 'generation')
  const tokens = [...prompt]
  let next = prompt.subarray(given)
  for (let count = 0; count < maxTokens; count++) {
    await eventLoopTurn()
    if (signal?.aborted === true) return 'aborted'
    const prediction = await model(next, signal).catch(abortedAs(signal))
    if (prediction === null) return 'aborted'
    const sum = finiteSum(prediction, tokens.length)
    const choice = chooseToken(prediction.row, tokens, sampling, () => uniform(tokens.length), sum)
    const end = ends.has(choice.id) ? 'end token' : count + 1 === maxTokens ? 'length' : null
    yield { ...choice, layers: prediction.layers, end }
    if (end !== null) return end
    tokens.push(choice.id)
    next = Int32Array.of(choice.id)
  }
  return 'length'
}
