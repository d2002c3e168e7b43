/** Tokens after a prompt, one by one. */
import { NotFiniteLogits, type Predict } from '../analysis/eval/evaluate.ts'
import { logSum, type Row } from '../analysis/eval/row.ts'
import { stream } from '../training/random.ts'
import { chooseToken, type Choice, type Sampling } from './sampling.ts'

export interface LayerChoice {
  /** The instance: `layers.0/moe`. */
  readonly name: string
  /** The experts that answered, the best first; -1 for a dropped assignment. */
  readonly experts: readonly number[]
}

export interface GeneratedToken extends Choice {
  /** The experts of the token before it, in each routed layer: those that predicted it. */
  readonly layers: readonly LayerChoice[]
}

/** Why no further token comes: one that ends the text, the number of tokens, or an abort. */
export type GenerationEnd = 'end token' | 'length' | 'aborted'

export interface GenerateRequest {
  /** i32, at least one token. */
  readonly prompt: Int32Array
  readonly predict: Predict
  readonly sampling: Sampling
  /** Of what is drawn: the same numbers on every machine. */
  readonly seed: number
  readonly maxTokens: number
  /** Tokens that end the text; they are given too. */
  readonly ends: ReadonlySet<number>
  readonly signal?: AbortSignal
}

/** The row that predicts the next token. Throws a NotFiniteLogits. */
function lastRow(logits: Float32Array, tokens: number): Row {
  const width = logits.length / tokens
  const row = { logits, at: (tokens - 1) * width, width }
  if (!Number.isFinite(logSum(row))) throw new NotFiniteLogits('the text', tokens)
  return row
}

/**
 * Each token evaluates the whole sequence: a model keeps no state between runs. The token at a position depends on the seed and the
 * tokens before it alone. Throws a NotFiniteLogits, and what the model throws.
 */
export async function* generate(request: GenerateRequest): AsyncGenerator<GeneratedToken, GenerationEnd> {
  const { prompt, predict, sampling, seed, maxTokens, ends, signal } = request
  const { uniform } = stream(seed, 'tokens', 'generation')
  const tokens = [...prompt]
  for (let count = 0; count < maxTokens; count++) {
    if (signal?.aborted === true) return 'aborted'
    const { logits, layers } = await predict(Int32Array.from(tokens))
    const last = tokens.length - 1
    const choice = chooseToken(lastRow(logits, tokens.length), tokens, sampling, () => uniform(tokens.length))
    yield {
      ...choice,
      layers: layers.map(({ name, k, selected }) => ({ name, experts: [...selected.slice(last * k, (last + 1) * k)] })),
    }
    tokens.push(choice.id)
    if (ends.has(choice.id)) return 'end token'
  }
  return 'length'
}
