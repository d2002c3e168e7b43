/** `smoe generate`: greedy tokens are those of transformers (`greedy` of the reference), drawn ones follow the seed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { MORE_IN_LONG, shareOf } from '../../support/runs.ts'
import { readSafetensors } from '../../support/safetensors.ts'
import { root } from '../../support/sources.ts'
import { place, type Place } from '../harness.ts'

const fixture = (name: string): Buffer => readFileSync(join(root, 'test/fixtures', name))

interface Report {
  readonly prompt: { readonly ids: readonly number[]; readonly text: string | null }
  readonly answer: {
    readonly ids: readonly number[]
    readonly text: string | null
    readonly logProbabilities: readonly number[]
  }
  readonly end: string
  readonly routing: readonly Readonly<Record<string, readonly number[]>>[]
}

const modelFiles = (name: string, config = fixture(`checkpoints/${name}/config.json`)) => ({
  [`${name}/config.json`]: config,
  [`${name}/model.safetensors`]: fixture(`checkpoints/${name}/model.safetensors`),
})
const TOKENIZER = { ...(JSON.parse(fixture('tokenizers/tiny.json').toString()) as object), decoder: { type: 'Fuse' } }

const there = (name: string, files: Readonly<Record<string, string | Uint8Array>> = {}): Place =>
  place({ ...modelFiles(name), [`${name}/tokenizer.json`]: JSON.stringify(TOKENIZER), ...files })

async function generate(one: Place, ...args: readonly string[]): Promise<Report> {
  const { code, out, err } = await one.smoe('generate', ...args, '--device', 'cpu', '--format', 'json')
  expect(code, err).toBe(0)
  return JSON.parse(out) as Report
}

const MODELS = ['mixtral', 'olmoe', 'llama', 'llama-tied', 'mixtral-window', 'olmoe-clip']

test.each(shareOf(MODELS, 3))('%s: greedy tokens are those of transformers', MORE_IN_LONG, async (name) => {
  const reference = readSafetensors(join(root, 'test/fixtures/checkpoints', name, 'reference.safetensors'))
  const [{ shape, values: ids }, { shape: both, values: greedy }] = [reference.input_ids, reference.greedy]
  for (let row = 0; row < shape[0]; row++) {
    const data = Int32Array.from(ids.slice(row * shape[1], (row + 1) * shape[1]), Number)
    const wanted = Array.from(greedy.slice(row * both[1] + shape[1], (row + 1) * both[1]), Number)
    const one = place({ ...modelFiles(name), 'p.safetensors': encodeSafetensors({ ids: { shape: [data.length], data } }) })
    const args = ['--tokens', 'p.safetensors:ids', '--max-tokens', String(wanted.length), '--ignore-end']
    const { prompt, answer } = await generate(one, name, ...args)
    expect(answer.ids).toEqual(wanted)
    expect([prompt.text, answer.text]).toEqual([null, null])
  }
})

test('a GGUF file is a model, as its spec and its weights are', async () => {
  const [name, ids] = ['qwen3_moe', { shape: [3], data: Int32Array.from([1, 5, 9]) }]
  const one = place({ 'm.gguf': fixture(`gguf/${name}.gguf`), 'p.safetensors': encodeSafetensors({ ids }) })
  expect((await one.smoe('import', 'm.gguf', '-o', 'm.smoe')).code).toBe(0)
  const args = ['--tokens', 'p.safetensors:ids', '--max-tokens', '4']
  const found = await generate(one, 'm.gguf', ...args)
  expect(found.answer.ids).toHaveLength(4)
  expect(found.answer).toEqual((await generate(one, 'm.smoe', '--weights', 'm.gguf', ...args)).answer)
})

test('text is continued, with the experts that predicted each token', async () => {
  const { prompt, answer, end, routing } = await generate(there('mixtral'), 'mixtral', 'the router', '--max-tokens', '6')
  expect(prompt.text).toBe('▁the▁router')
  expect(answer.ids).toHaveLength(6)
  expect(end).toBe('length')
  expect(answer.logProbabilities.every((value) => value < 0)).toBe(true)
  for (const layers of routing) {
    expect(Object.keys(layers)).toEqual(['layers.0/moe', 'layers.1/moe'])
    for (const experts of Object.values(layers)) expect(new Set(experts).size).toBe(2)
  }
})

test('the text on standard output is that of the report, and a table says which experts answered', async () => {
  const one = there('mixtral')
  const { answer } = await generate(one, 'mixtral', 'the router', '--max-tokens', '6')
  const { code, out, err } = await one.smoe('generate', 'mixtral', 'the router', '--max-tokens', '6', '--device', 'cpu')
  expect([code, out]).toEqual([0, `${answer.text}\n`])
  expect(err).toMatch(
    /^prompt: 7 tokens in .* tokens\/s; answer: 6 tokens, .* after the first; the number of tokens was reached$/m,
  )
  const shown = await one.smoe('generate', 'mixtral', 'the', '--max-tokens', '2', '--show-routing', '--device', 'cpu')
  expect(shown.out).toMatch(/\ntoken +p +layers\.0\/moe +layers\.1\/moe\n".+" +0\.\d{3} +\d \d +\d \d/)
})

test('a parameter of an imported model is set: one expert a token', async () => {
  const { routing } = await generate(there('mixtral'), 'mixtral', 'the router', '--max-tokens', '3', '--set', 'k=1')
  expect(routing.flatMap((layers) => Object.values(layers).map((experts) => experts.length))).toEqual([1, 1, 1, 1, 1, 1])
  const { code, err } = await there('mixtral').smoe('generate', 'mixtral', 'the', '--set', 'k=9', '--device', 'cpu')
  // a diagnostic of the spec
  expect(code).toBe(1)
  expect(err).toMatch(/k.*9|9.*k/)
})

test('a seed draws the same text again, another one another text', async () => {
  const one = there('olmoe')
  const drawn = async (...more: readonly string[]) =>
    (await generate(one, 'olmoe', 'a gate', '--max-tokens', '20', '--temperature', '1.5', ...more)).answer.ids
  const first = await drawn('--seed', '7', '--top-k', '40', '--top-p', '0.95', '--min-p', '0.01')
  expect(await drawn('--seed', '7', '--top-k', '40', '--top-p', '0.95', '--min-p', '0.01')).toEqual(first)
  expect(await drawn('--seed', '8')).not.toEqual(first)
})

test('an answer ends before a stop, or behind an end token', async () => {
  const one = there('mixtral')
  const whole = await generate(one, 'mixtral', 'the router', '--max-tokens', '12', '--ignore-end')
  const stop = whole.answer.text!.slice(4, 6)
  const cut = await generate(one, 'mixtral', 'the router', '--max-tokens', '12', '--ignore-end', '--stop', stop)
  expect(cut.end).toBe('stop')
  expect(cut.answer.text).toBe(whole.answer.text!.slice(0, whole.answer.text!.indexOf(stop)))
  const id = whole.answer.ids[3]
  const config = JSON.stringify({ eos_token_id: [63, id] })
  const ended = await generate(
    there('mixtral', { 'mixtral/generation_config.json': config }),
    'mixtral',
    'the router',
    '--max-tokens',
    '12',
  )
  expect([ended.end, ended.answer.ids]).toEqual(['end token', whole.answer.ids.slice(0, whole.answer.ids.indexOf(id) + 1)])
})

test('what cannot be is refused before anything runs', async () => {
  const ids = encodeSafetensors({
    two: { shape: [2, 2], data: Int32Array.from([1, 2, 3, 4]) },
    far: { shape: [2], data: Int32Array.from([1, 64]) },
  })
  const one = there('mixtral', { 'p.safetensors': ids, 'bad/config.json': fixture('checkpoints/mixtral/config.json') })
  for (const [args, message] of [
    [[], 'a prompt is needed'],
    [['a', '--tokens', 'p.safetensors:two'], 'a prompt and --tokens are two ways to say one thing'],
    [['--tokens', 'p.safetensors:two'], "'p.safetensors:two' holds 2 sequences, and one is continued"],
    [['--tokens', 'p.safetensors:far'], 'token 1 of the prompt is 64, and mixtral has 64 tokens'],
    [['a', '--top-k', '3'], '--top-k without a temperature: the most probable token is taken, and none is drawn'],
    [['a', '--temperature', '-1'], "'-1' is not a valid temperature"],
    [['a', '--temperature', 'nan'], "'nan' is not a valid temperature"],
    [['a', '--temperature', '1', '--top-p', '0'], "'0' is not a valid probability"],
    [['a', '--stop', ''], 'a stop is empty'],
    [['a', '--max-tokens', '1e99'], "'1e99' is not a valid number of tokens"],
  ] as const) {
    const { code, out, err } = await one.smoe('generate', 'mixtral', ...args, '--device', 'cpu')
    expect({ code, out }, err).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  }
  const strange = there('mixtral', { 'mixtral/generation_config.json': '{ "eos_token_id": "x" }' })
  const { code, err } = await strange.smoe('generate', 'mixtral', 'a', '--device', 'cpu')
  expect([code, err.split('\n').at(-2)]).toEqual([
    5,
    "smoe: 'eos_token_id' of 'mixtral/generation_config.json' is \"x\", not token ids",
  ])
})

test('a text for which there is no room is refused, and nothing is evaluated', async () => {
  const one = there('mixtral')
  const tooLarge = await one.smoe('generate', 'mixtral', 'the', '--max-tokens', '2000000000', '--device', 'cpu')
  expect([tooLarge.code, tooLarge.out]).toEqual([1, ''])
  expect(tooLarge.err).toContain('SMOE6007')
  const tooMuch = await one.smoe('generate', 'mixtral', 'the', '--max-tokens', '60000000', '--device', 'cpu')
  expect(tooMuch.out).toBe('')
  expect(tooMuch.err).toMatch(/out of memory for the weights of mixtral, and what it keeps of 600000\d\d positions/)
})
