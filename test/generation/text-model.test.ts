/** A compiled language model that continues prompts: the tokens of `smoe generate`, an abort at once, and what is refused. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { createTextModel, type GenerateOptions, type TextTokenizer, type TokenIds } from '../../generation/index.ts'
import { eventLoopTurn } from '../../generation/event-loop.ts'
import type { Plan } from '../../plan/plan.ts'
import { CPU } from '../../plan/target.ts'
import { createSession, memoryCheckpoint, type Device, type Session } from '../../runtime/index.ts'
import { openDevice } from '../../runtime/node/index.ts'
import { addPlan } from '../runtime/plans.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { place } from '../cli/harness.ts'
import { framed } from '../support/check.ts'
import { openCheckpoint } from '../support/checkpoints.ts'
import { load, root } from '../support/sources.ts'

const FOLDER = join(root, 'test/fixtures/checkpoints/mixtral')
const LONGEST = 60
const { spec, tensors } = openCheckpoint(FOLDER)
const PROMPT = [5, 8, 13, 21, 34, 55, 3]

function planWith(state: { readonly sequences: number; readonly longest: number } | undefined): Plan {
  const last = state === undefined ? undefined : { logits: 1 }
  const { plan, diagnostics } = compile(spec, { load, target: CPU, state, last })
  if (plan === null) throw new Error(framed(diagnostics))
  return plan
}

let device: Device
beforeAll(async () => void (device = await openDevice({ choose: 'cpu', threads: 2 })))
afterAll(() => device.dispose())

async function open(plan: Plan): Promise<Session> {
  const session = await createSession(device, plan)
  onTestFinished(() => session.dispose())
  const data = Object.entries(tensors).map(([name, { shape, values }]) => [name, { shape, data: Float32Array.from(values) }])
  await session.loadWeights(memoryCheckpoint(Object.fromEntries(data)), { allowExtra: true })
  return session
}

const [kept, whole] = [planWith({ sequences: 1, longest: LONGEST }), planWith(undefined)]

async function idsOf(model: ReturnType<typeof createTextModel>, options: GenerateOptions = {}, prompt: TokenIds = PROMPT) {
  const ids: number[] = []
  for await (const { id } of model.generate(prompt, options)) ids.push(id)
  return ids
}

/** A letter a token. */
const LETTERS: TextTokenizer = {
  encode: async (text) => Array.from(text, (letter) => letter.charCodeAt(0) - 48),
  decode: (ids) => String.fromCharCode(...ids.map((id) => id + 48)),
}

const SAMPLED = { maxTokens: 12, temperature: 0.9, topK: 30, topP: 0.95, minP: 0.01, repetitionPenalty: 1.1, seed: 7 } as const

test('tokens are those of smoe generate from the same seed, whether the plan has a state or not', async () => {
  const there = place({ 'p.safetensors': encodeSafetensors({ ids: { shape: [PROMPT.length], data: Int32Array.from(PROMPT) } }) })
  cpSync(FOLDER, join(there.folder, 'mixtral'), { recursive: true, dereference: true })
  const options = ['--temperature', '0.9', '--top-k', '30', '--top-p', '0.95', '--min-p', '0.01', '--repetition-penalty', '1.1']
  const { out, err } = await there.smoe(
    ...['generate', 'mixtral', '--tokens', 'p.safetensors:ids', '--max-tokens', '12', '--seed', '7', ...options],
    ...['--device', 'cpu', '--threads', '2', '--ignore-end', '--format', 'json'],
  )
  const { answer } = JSON.parse(out) as { readonly answer: { readonly ids: readonly number[] } }
  expect(answer.ids, err).toHaveLength(12)
  for (const [plan, evaluatesWholeText] of [
    [kept, false],
    [whole, true],
  ] as const) {
    const model = createTextModel(await open(plan))
    expect(model.evaluatesWholeText).toBe(evaluatesWholeText)
    expect(await idsOf(model, SAMPLED)).toEqual(answer.ids)
    expect(await idsOf(model, SAMPLED, Int32Array.from(PROMPT))).toEqual(answer.ids)
  }
  expect(await idsOf(createTextModel(await open(kept)), { ...SAMPLED, seed: 8 })).not.toEqual(answer.ids)
})

describe('text', () => {
  test('of a prompt becomes text, and ends before a stop', async () => {
    const model = createTextModel(await open(kept))
    const read = async (options: GenerateOptions): Promise<readonly [text: string, ids: number, end: unknown]> => {
      let [text, ids, last]: [string, number, unknown] = ['', 0, null]
      for await (const token of model.generate('018', { tokenizer: LETTERS, maxTokens: 9, ...options })) {
        text += token.text
        ids++
        last = token.end
      }
      return [text, ids, last]
    }
    const [text, , end] = await read({})
    expect(text).toBe(LETTERS.decode(await idsOf(model, { maxTokens: 9 }, [0, 1, 8])))
    expect(end).toBe('length')
    const stop = text.slice(4, 6)
    expect(await read({ stop: [stop, 'never'] })).toEqual([text.slice(0, text.indexOf(stop)), text.indexOf(stop) + 2, 'stop'])
    // what might have begun a stop is told with the last token
    expect((await read({ stop: [`${text.at(-1)}never`] }))[0]).toBe(text)
  })

  test('of token ids without a tokenizer is empty', async () => {
    for await (const { text } of createTextModel(await open(kept)).generate(PROMPT, { maxTokens: 2 })) expect(text).toBe('')
  })
})

test('an answer ends with an end token, with the number of tokens, or where no more are kept', async () => {
  const model = createTextModel(await open(kept))
  const ids = await idsOf(model, { maxTokens: 200 })
  // the last token is not given to the model
  expect(ids).toHaveLength(LONGEST - PROMPT.length + 1)
  const ends: unknown[] = []
  for await (const { end } of model.generate(PROMPT, { maxTokens: 200 })) ends.push(end)
  expect(new Set(ends.slice(0, -1))).toEqual(new Set([null]))
  expect(ends.at(-1)).toBe('context')
  expect(await idsOf(model, { endTokens: [ids[3]] })).toEqual(ids.slice(0, ids.indexOf(ids[3]) + 1))
  expect(await idsOf(model, { maxTokens: 0 })).toEqual([])
})

/** A session whose runs are counted, and wait for `gate`. */
function gated(session: Session): { readonly session: Session; readonly positions: () => number; gate: Promise<void> } {
  let positions = 0
  const state = {
    session: {
      ...session,
      run: async (inputs: Parameters<Session['run']>[0], options?: Parameters<Session['run']>[1]) => {
        positions += inputs.tokens.shape[1]
        await state.gate
        return session.run(inputs, options)
      },
    },
    positions: () => positions,
    gate: Promise.resolve(),
  }
  return state
}

test('an abort rejects while a run is under way, and what follows is as if nothing had been before', async () => {
  const counted = gated(await open(kept))
  const model = createTextModel(counted.session)
  const expected = await idsOf(model, SAMPLED)
  let release = (): void => {}
  counted.gate = new Promise((resolve) => (release = resolve))
  const stop = new AbortController()
  const running = model.generate(PROMPT, { ...SAMPLED, signal: stop.signal })
  const first = running.next()
  const before = counted.positions()
  while (counted.positions() === before) await eventLoopTurn()
  stop.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  // the run is still under way: the next text waits for it
  const next = idsOf(model, SAMPLED)
  release()
  expect(await next).toEqual(expected)
  expect(await running.next()).toEqual({ done: true, value: undefined })
  await expect(model.generate(PROMPT, { signal: AbortSignal.abort(new Error('before')) }).next()).rejects.toThrow('before')
})

test('a text that is begun ends the one before it', async () => {
  const model = createTextModel(await open(kept))
  const expected = await idsOf(model, SAMPLED)
  const first = model.generate(PROMPT, SAMPLED)
  await first.next()
  expect(await idsOf(model, SAMPLED)).toEqual(expected)
  await expect(first.next()).rejects.toThrow('another text was begun: a model continues one at a time')
})

test('what a prompt shares with the tokens before it is evaluated once, where that is asked for', async () => {
  const counted = gated(await open(kept))
  const model = createTextModel(counted.session)
  const answer = await idsOf(model, SAMPLED)
  const longer = [...PROMPT, ...answer.slice(0, -1), 9]
  const fresh = await idsOf(createTextModel(await open(kept)), SAMPLED, longer)
  const before = counted.positions()
  expect(await idsOf(model, { ...SAMPLED, reusePrefix: true }, longer)).toEqual(fresh)
  expect(counted.positions() - before).toBe(SAMPLED.maxTokens)
  const later = counted.positions()
  expect(await idsOf(model, SAMPLED, longer)).toEqual(fresh)
  expect(counted.positions() - later).toBe(longer.length + SAMPLED.maxTokens - 1)
})

test.each([
  [[], {}, 'the prompt has no tokens'],
  [[1, 64], {}, 'token 1 of the prompt is 64, and the model has 64 tokens'],
  [[1, 0.5], {}, 'token 1 of the prompt is 0.5'],
  [Array.from({ length: LONGEST + 1 }, () => 1), {}, 'the prompt has 61 tokens, and 60 are kept at most'],
  ['a', {}, 'generate: options.tokenizer is missing: the prompt is a text'],
  [[1], { stop: ['x'] }, 'generate: options.tokenizer is missing: a stop is a text'],
  [[1], { stop: [''], tokenizer: LETTERS }, 'generate: options.stop[0] is empty'],
  [[1], { topK: 3 }, 'generate: options.topK needs a temperature'],
  [[1], { topP: 0, temperature: 1 }, 'generate: options.topP is 0; a number above 0 and up to 1 is expected'],
  [[1], { maxToken: 3 }, 'generate: options.maxToken is not an option'],
  [5, {}, 'generate: prompt is no text and no token ids'],
])('%j with %j is refused', async (prompt, options, message) => {
  const model = createTextModel(await open(kept))
  await expect((async () => model.generate(prompt as TokenIds, options as GenerateOptions).next())()).rejects.toThrow(message)
})

test('the plan of another model is refused', () => {
  const session = { plan: addPlan(), run: () => Promise.reject(new Error('nothing runs')), device }
  expect(() => createTextModel(session as never)).toThrow('does not take text')
})
