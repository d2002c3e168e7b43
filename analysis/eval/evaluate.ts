/** Evaluates a language model on tokens, alone or beside another: one window at a time, so that memory is bounded. */
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import { createLayerSums, type LayerLoad } from './layers.ts'
import { best, divergence, logSum, surprise, type Row } from './row.ts'
import { windowsOf, type Window } from './windows.ts'

export interface Predictions {
  /** f32 [S * V]: row s predicts token s + 1. */
  readonly logits: Float32Array
  readonly layers: readonly RoutedLayer[]
}

/** Runs a model on one sequence, i32 [S]. */
export type Predict = (tokens: Int32Array) => Promise<Predictions>

export interface Text {
  readonly name: string
  readonly tokens: Int32Array
  /** Bytes of its UTF-8; null where tokens were given. */
  readonly bytes: number | null
}

export interface EvalRequest {
  readonly texts: readonly Text[]
  /** Most tokens of a window, and how far one begins behind the other. */
  readonly context: number
  readonly stride: number
  readonly predict: Predict
  /** The other model, as the yardstick; null for none. Both have one vocabulary. */
  readonly other: Predict | null
  /** Called after each window with the tokens that are done, and all. */
  readonly onProgress?: (done: number, all: number) => void
  /** Ends the evaluation after the window under way. */
  readonly signal?: AbortSignal
}

/** Means over the predictions that count. */
export interface Likelihood {
  /** -ln p of the token that came, in nats. */
  readonly loss: number
  /** exp(loss). */
  readonly perplexity: number
  /** Share of tokens that the model put first. */
  readonly accuracy: number
}

export interface Comparison extends Likelihood {
  /** Share of positions at which both put the same token first. */
  readonly agreement: number
  /** KL(other || model), in nats. */
  readonly divergence: number
}

export interface Evaluation extends Likelihood {
  readonly windows: number
  /** Windows that the texts have; more than `windows` where it was ended early. */
  readonly allWindows: number
  /** Predictions that count. */
  readonly scored: number
  /** log2 of e times the loss, times tokens a byte; null where tokens were given. */
  readonly bitsPerByte: number | null
  /** Mean loss at each position of a window, from its second token on, [context - 1]; null where none counts. */
  readonly lossAt: readonly (number | null)[]
  readonly layers: readonly LayerLoad[]
  /** The other model on the same predictions; null for none. */
  readonly other: Comparison | null
}

/** A logit that is not finite: no perplexity follows from it. */
export class NotFiniteLogits extends Error {
  constructor(text: string, position: number) {
    super(`the logits for token ${position} of ${text} are not finite`)
    this.name = 'NotFiniteLogits'
  }
}

interface Sums {
  scored: number
  loss: number
  hits: number
  otherLoss: number
  otherHits: number
  agreed: number
  divergence: number
}

interface Scored {
  readonly window: Window
  readonly text: Text
  readonly own: Predictions
  readonly other: Predictions | null
}

/** Adds every prediction of a window that counts. Throws a NotFiniteLogits. */
function addWindow(sums: Sums, at: { readonly loss: Float64Array; readonly count: Float64Array }, scored: Scored): void {
  const { window, text, own, other } = scored
  const width = own.logits.length / (window.end - window.start)
  for (let position = window.scored; position < window.end; position++) {
    const token = text.tokens[position]
    const row: Row = { logits: own.logits, at: (position - 1 - window.start) * width, width }
    const sum = logSum(row)
    const loss = surprise(row, token, sum)
    if (!Number.isFinite(loss)) throw new NotFiniteLogits(text.name, position)
    const first = best(row)
    sums.scored++
    sums.loss += loss
    if (first === token) sums.hits++
    at.loss[position - window.start - 1] += loss
    at.count[position - window.start - 1]++
    if (other === null) continue
    const yardstick: Row = { ...row, logits: other.logits }
    const otherSum = logSum(yardstick)
    const otherLoss = surprise(yardstick, token, otherSum)
    if (!Number.isFinite(otherLoss)) throw new NotFiniteLogits(`${text.name}, of the other model,`, position)
    const otherFirst = best(yardstick)
    sums.otherLoss += otherLoss
    if (otherFirst === token) sums.otherHits++
    if (otherFirst === first) sums.agreed++
    sums.divergence += divergence(yardstick, row, otherSum, sum)
  }
}

/** Mean tokens a byte over all texts; null where one has no bytes. */
function tokensPerByte(texts: readonly Text[]): number | null {
  if (texts.some(({ bytes }) => bytes === null || bytes === 0)) return null
  const [tokens, bytes] = [
    texts.reduce((all, one) => all + one.tokens.length, 0),
    texts.reduce((all, one) => all + one.bytes!, 0),
  ]
  return tokens / bytes
}

/** Windows do not cross from one text to the next. Throws a NotFiniteLogits, and what a model throws. */
export async function evaluateTexts(request: EvalRequest): Promise<Evaluation> {
  const { texts, context, stride, predict, other, onProgress, signal } = request
  const sums: Sums = { scored: 0, loss: 0, hits: 0, otherLoss: 0, otherHits: 0, agreed: 0, divergence: 0 }
  const at = { loss: new Float64Array(context - 1), count: new Float64Array(context - 1) }
  const layers = createLayerSums()
  const all = texts.flatMap((text) => windowsOf(text.tokens.length, context, stride).map((window) => ({ text, window })))
  const tokens = texts.reduce((sum, text) => sum + text.tokens.length, 0)
  let [windows, done] = [0, 0]
  for (const { text, window } of all) {
    if (signal?.aborted === true) break
    const sequence = text.tokens.slice(window.start, window.end)
    const own = await predict(sequence)
    const beside = other === null ? null : await other(sequence)
    addWindow(sums, at, { window, text, own, other: beside })
    layers.add(own.layers, beside?.layers ?? null, window.fresh - window.start)
    windows++
    done += window.end - window.fresh
    onProgress?.(done, tokens)
  }
  const { scored } = sums
  const likelihood = (loss: number, hits: number): Likelihood => ({
    loss: loss / scored,
    perplexity: Math.exp(loss / scored),
    accuracy: hits / scored,
  })
  const ratio = tokensPerByte(texts)
  return {
    ...likelihood(sums.loss, sums.hits),
    windows,
    allWindows: all.length,
    scored,
    bitsPerByte: ratio === null ? null : (sums.loss / scored / Math.LN2) * ratio,
    lossAt: Array.from(at.loss, (loss, position) => (at.count[position] === 0 ? null : loss / at.count[position])),
    layers: layers.result(),
    other:
      other === null
        ? null
        : {
            ...likelihood(sums.otherLoss, sums.otherHits),
            agreement: sums.agreed / scored,
            divergence: sums.divergence / scored,
          },
  }
}
