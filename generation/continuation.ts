/** A sequence of tokens that a model continues. */
import type { Predict } from '../analysis/eval/evaluate.ts'
import type { Row } from '../analysis/eval/row.ts'
import type { RoutedLayer } from '../runtime/routing/record.ts'
import { eventLoopTurn } from './event-loop.ts'

export interface LayerChoice {
  /** The instance: `layers.0/moe`. */
  readonly name: string
  /** The experts that answered, the best first; -1 for a dropped assignment. */
  readonly experts: readonly number[]
}

/** What a model says after the tokens that it was given. */
export interface Prediction {
  /** The logits of the next token. */
  readonly row: Row
  /** The experts of the last token, in each routed layer. */
  readonly layers: readonly LayerChoice[]
}

/**
 * Gives the model further tokens, i32 [S], at least one: those after all that it was given before. Throws the reason of the signal
 * where it is aborted before all are evaluated.
 */
export type Continue = (tokens: Int32Array, signal?: AbortSignal) => Promise<Prediction>

/** What the last of so many tokens chose. */
export const choicesOfLast = (layers: readonly RoutedLayer[]): readonly LayerChoice[] =>
  layers.map(({ name, k, selected }) => ({ name, experts: [...selected.slice(selected.length - k)] }))

/** The last row of logits. */
export function lastRow(logits: Float32Array, width: number): Row {
  return { logits, at: logits.length - width, width }
}

export interface Continuation {
  readonly give: Continue
  /** Goes back to the first so many tokens, or to fewer; how many stay. */
  readonly goBack: (length: number) => number
}

/** Evaluates the whole sequence each time: for models that keep nothing between runs. */
export function wholeSequence(predict: Predict): Continuation {
  let given: readonly number[] = []
  return {
    give: async (tokens) => {
      given = [...given, ...tokens]
      const { logits, layers } = await predict(Int32Array.from(given))
      return { row: lastRow(logits, logits.length / given.length), layers: choicesOfLast(layers) }
    },
    goBack: (length) => {
      given = given.slice(0, length)
      return given.length
    },
  }
}

/** Most tokens of a run, which bounds its memory; and where there may be an abort, which waits for one run at most. */
const MOST_TOKENS = { steady: 256, abortable: 64 } as const

/** The same in runs of so many tokens at most; throws the reason of the signal between two where it is aborted. */
export const inRuns =
  (give: Continue, given?: number): Continue =>
  async (tokens, signal) => {
    const most = given ?? MOST_TOKENS[signal === undefined ? 'steady' : 'abortable']
    for (let from = 0; ; from += most) {
      if (from > 0) await eventLoopTurn()
      signal?.throwIfAborted()
      const found = await give(tokens.subarray(from, from + most))
      if (from + most >= tokens.length) return found
    }
  }
