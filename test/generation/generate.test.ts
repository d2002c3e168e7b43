import { expect, test } from 'vitest'
import type { Predict } from '../../analysis/eval/evaluate.ts'
import { inRuns, wholeSequence, type Continue } from '../../generation/continuation.ts'
import { generate, type GeneratedToken, type GenerateRequest, type GenerationEnd } from '../../generation/generate.ts'
import { GREEDY } from '../../generation/sampling.ts'

/** Predicts the sum of all tokens, modulo 7, as a model with one routed layer would. */
const sums: Predict = async (tokens) => {
  const logits = new Float32Array(tokens.length * 7)
  let sum = 0
  tokens.forEach((token, at) => {
    sum = (sum + token) % 7
    for (let id = 0; id < 7; id++) logits[at * 7 + id] = id === sum ? 2 : 0
  })
  const selected = Int32Array.from([...tokens].flatMap((token) => [token % 4, -1]))
  const layer = {
    name: 'layers.0/moe',
    experts: 4,
    tokens: tokens.length,
    k: 2,
    selected,
    weights: new Float32Array(selected.length),
  }
  return { logits, layers: [layer] }
}

const request = (changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  prompt: Int32Array.from([1, 2]),
  model: wholeSequence(sums).give,
  sampling: GREEDY,
  seed: 0,
  maxTokens: 5,
  ends: new Set(),
  ...changes,
})

async function all(given: GenerateRequest): Promise<{ readonly tokens: readonly GeneratedToken[]; readonly end: GenerationEnd }> {
  const tokens: GeneratedToken[] = []
  const running = generate(given)
  for (let next = await running.next(); ; next = await running.next()) {
    if (next.done === true) return { tokens, end: next.value }
    tokens.push(next.value)
  }
}

const ids = ({ tokens }: { readonly tokens: readonly GeneratedToken[] }) => tokens.map(({ id }) => id)

test('each token follows from all before it, with the experts that predicted it', async () => {
  const found = await all(request())
  expect(ids(found)).toEqual([3, 6, 5, 3, 6])
  expect(found.end).toBe('length')
  expect(found.tokens.map(({ layers }) => layers)).toEqual(
    [2, 3, 6, 5, 3].map((token) => [{ name: 'layers.0/moe', experts: [token % 4, -1] }]),
  )
})

test('an end token is the last one', async () => {
  expect(await all(request({ ends: new Set([5, 0]) }))).toMatchObject({
    end: 'end token',
    tokens: [{ id: 3 }, { id: 6 }, { id: 5 }],
  })
})

test('no token is wanted, none comes', async () => {
  expect(await all(request({ maxTokens: 0 }))).toEqual({ tokens: [], end: 'length' })
})

test('the seed decides what is drawn, and the position which of its numbers', async () => {
  const sampling = { ...GREEDY, temperature: 1 }
  const drawn = async (seed: number, prompt: readonly number[], maxTokens: number) =>
    ids(await all(request({ sampling, seed, prompt: Int32Array.from(prompt), maxTokens })))
  const first = await drawn(4, [1, 2], 30)
  expect(await drawn(4, [1, 2], 30)).toEqual(first)
  expect(await drawn(5, [1, 2], 30)).not.toEqual(first)
  // what was drawn so far as the prompt: the rest is the same
  expect(await drawn(4, [1, 2, ...first.slice(0, 11)], 19)).toEqual(first.slice(11))
})

test('an abort ends before the next token', async () => {
  const stop = new AbortController()
  const predict: Predict = async (tokens) => {
    if (tokens.length === 4) stop.abort()
    return sums(tokens)
  }
  const { tokens, end } = await all(request({ model: wholeSequence(predict).give, signal: stop.signal, maxTokens: 50 }))
  expect([tokens.length, end]).toEqual([3, 'aborted'])
})

test.each([NaN, Infinity])('a logit of %s is an error that names the token', async (value) => {
  const predict: Predict = async (tokens) => {
    const { logits, layers } = await sums(tokens)
    if (tokens.length === 3) logits[2 * 7 + 6] = value
    return { logits, layers }
  }
  await expect(all(request({ model: wholeSequence(predict).give }))).rejects.toThrow(
    'the logits for token 3 of the text are not finite',
  )
})

test('a prompt that was given in part goes on from there', async () => {
  const { give } = wholeSequence(sums)
  await give(Int32Array.of(1))
  expect(ids(await all(request({ given: 1, model: give })))).toEqual([3, 6, 5, 3, 6])
})

test('a sequence that goes back gives what it gave from there', async () => {
  const { give, goBack } = wholeSequence(sums)
  const first = await give(Int32Array.of(1, 2, 3))
  await give(Int32Array.of(4, 5))
  expect(goBack(2)).toBe(2)
  expect((await give(Int32Array.of(3))).layers).toEqual(first.layers)
})

test('many tokens are given in several runs, and an abort ends between two', async () => {
  const runs: number[] = []
  const stop = new AbortController()
  const give: Continue = async (tokens) => {
    runs.push(tokens.length)
    if (runs.length === 3) stop.abort()
    return wholeSequence(sums).give(tokens)
  }
  await inRuns(give, 4)(new Int32Array(9))
  expect(runs).toEqual([4, 4, 1])
  const request9 = request({ prompt: new Int32Array(9), model: inRuns(give, 4), signal: stop.signal })
  expect((await all(request9)).end).toBe('aborted')
  expect(runs).toHaveLength(3)
})
