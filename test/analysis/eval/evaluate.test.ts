import { expect, test } from 'vitest'
import { evaluateTexts, NotFiniteLogits, type EvalRequest, type Predict } from '../../../analysis/eval/evaluate.ts'
import { createLayerSums } from '../../../analysis/eval/layers.ts'
import type { RoutedLayer } from '../../../runtime/routing/record.ts'

const V = 4

/** Certain, by e^3 to 1, of the token after each one. */
const next: Predict = async (tokens) => ({
  logits: Float32Array.from({ length: tokens.length * V }, (_, at) => (at % V === (tokens[Math.floor(at / V)] + 1) % V ? 3 : 0)),
  layers: [],
})
const uniform: Predict = async (tokens) => ({ logits: new Float32Array(tokens.length * V), layers: [] })

const request = (changes: Partial<EvalRequest>): EvalRequest => ({
  texts: [{ name: 'a', tokens: Int32Array.of(0, 1, 2, 3, 0, 1), bytes: 12 }],
  context: 4,
  stride: 4,
  predict: next,
  other: null,
  ...changes,
})

test('each prediction that counts is one term of the mean', async () => {
  const loss = Math.log(Math.exp(3) + 3) - 3
  const found = await evaluateTexts(request({ other: uniform }))
  expect(found).toMatchObject({ scored: 4, windows: 2, allWindows: 2, accuracy: 1, layers: [] })
  expect(found.loss).toBeCloseTo(loss, 6)
  expect(found.perplexity).toBeCloseTo(Math.exp(loss), 6)
  expect(found.bitsPerByte).toBeCloseTo((loss / Math.LN2) * 0.5, 6)
  expect(found.lossAt).toHaveLength(3)
  expect(found.other).toMatchObject({ loss: Math.log(V), agreement: 0 })
  expect((await evaluateTexts(request({ stride: 2 }))).scored).toBe(5)
})

test('it ends after the window under way, and says how far it came', async () => {
  const stop = new AbortController()
  const done: number[] = []
  const onProgress = (count: number): void => {
    done.push(count)
    stop.abort()
  }
  expect(await evaluateTexts(request({ onProgress, signal: stop.signal }))).toMatchObject({
    windows: 1,
    allWindows: 2,
    scored: 3,
  })
  expect(done).toEqual([4])
})

test('a logit that is not finite ends it with the token and the text', async () => {
  const predict: Predict = async (tokens) => ({ logits: new Float32Array(tokens.length * V).fill(NaN), layers: [] })
  await expect(evaluateTexts(request({ predict }))).rejects.toThrow(new NotFiniteLogits('a', 1))
})

const layer = (selected: readonly number[], experts = 3): RoutedLayer => ({
  name: 'moe',
  experts,
  k: 1,
  tokens: selected.length,
  selected: Int32Array.from(selected),
  weights: new Float32Array(selected.length),
})

test('loads are of fresh tokens alone, dropped ones apart; changes are against the same layer of the other model', () => {
  const sums = createLayerSums()
  sums.add([layer([0, 1, -1])], [layer([0, 2, 2])], 0)
  sums.add([layer([0, 2])], [layer([0, 2])], 1)
  expect(sums.result()).toMatchObject([{ load: [1, 1, 1], dropped: 1, change: { set: 0.5, top1: 0.5 } }])
})

test('layers of other numbers of experts have no change', () => {
  const sums = createLayerSums()
  sums.add([layer([0, 1])], [layer([0, 1], 4)], 0)
  expect(sums.result()[0].change).toBeNull()
})
