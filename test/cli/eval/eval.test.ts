/** `smoe eval` beside transformers and torch: `test/fixtures/eval/make.py` writes what they give. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { HostTensor } from '../../../compiler/reference/tensor.ts'
import type { EvalReport } from '../../../cli/eval/report.ts'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { MORE_IN_LONG, shareOf, testRun } from '../../support/runs.ts'
import { readSafetensors } from '../../support/safetensors.ts'
import { root } from '../../support/sources.ts'
import { place, type Place } from '../harness.ts'

interface Expected {
  readonly model: string
  readonly to: string | null
  readonly context: number
  readonly stride: number
  readonly loss: number
  readonly perplexity: number
  readonly accuracy: number
  readonly scored: number
  readonly load?: readonly (readonly number[])[]
  readonly agreement?: number
  readonly divergence?: number
  readonly changed?: readonly number[]
  readonly first?: readonly number[]
}

const fixture = (name: string): Buffer => readFileSync(join(root, 'test/fixtures', name))
const expected = JSON.parse(fixture('eval/expected.json').toString()) as readonly Expected[]
const TEXTS = { 'one.txt': fixture('eval/one.txt'), 'two.txt': fixture('eval/two.txt') }

const modelFiles = (name: string): Readonly<Record<string, Buffer>> => ({
  [`${name}/config.json`]: fixture(`checkpoints/${name}/config.json`),
  [`${name}/model.safetensors`]: fixture(`checkpoints/${name}/model.safetensors`),
  [`${name}/tokenizer.json`]: fixture('tokenizers/tiny.json'),
})

const there = (files: Readonly<Record<string, string | Uint8Array>> = {}): Place =>
  place({ ...TEXTS, ...modelFiles('llama'), ...modelFiles('mixtral'), ...modelFiles('olmoe'), ...files })

const evaluate = (one: Place, ...args: readonly string[]) => one.smoe('eval', ...args, '--device', 'cpu')

/** Four digits and more: logits are f32 here and f64 there. */
const near = (actual: number, wanted: number): void => expect(Math.abs(actual / wanted - 1)).toBeLessThan(2e-5)

/** Each model, stride and comparison once; the long run has the others. */
const isShort = (at: number): boolean => [0, 1, 5, 11].includes(at)
const cases = expected.filter((_, at) => isShort(at) === (testRun === 'short'))

for (const wanted of cases) {
  const { model, to, context, stride } = wanted
  test(`${model}, windows of ${context} tokens ${stride} apart: as transformers`, MORE_IN_LONG, async () => {
    const beside = to === null ? [] : ['--to', to]
    const args = ['--text', 'one.txt', 'two.txt', '--context', String(context), '--stride', String(stride), '--format', 'json']
    const { code, out, err } = await evaluate(there(), model, ...args, ...beside)
    expect(code, err).toBe(0)
    const report = JSON.parse(out) as EvalReport
    near(report.perplexity, wanted.perplexity)
    near(report.loss, wanted.loss)
    expect(report).toMatchObject({ scored: wanted.scored, accuracy: wanted.accuracy, to })
    const bytes = TEXTS['one.txt'].length + TEXTS['two.txt'].length
    const tokens = report.texts.reduce((sum, text) => sum + text.tokens, 0)
    expect(report.texts.reduce((sum, text) => sum + text.bytes!, 0)).toBe(bytes)
    expect(report.bitsPerByte).toBeCloseTo(((report.loss / Math.LN2) * tokens) / bytes, 12)
    if (wanted.load !== undefined) expect(report.layers.map(({ load }) => load)).toEqual(wanted.load)
    if (to === null) return
    near(report.other!.divergence, wanted.divergence!)
    expect(report.other!.agreement).toBe(wanted.agreement)
    report.layers.forEach(({ change }, at) => {
      expect(change!.set).toBeCloseTo(wanted.changed![at], 12)
      expect(change!.top1).toBeCloseTo(wanted.first![at], 12)
    })
  })
}

test('a parameter of an imported model is set, and what that changes is told beside the model as it is', async () => {
  const args = ['--text', 'one.txt', '--context', '16', '--set', 'k=1', '--to', 'mixtral', '--format', 'json']
  const { code, out, err } = await evaluate(there(), 'mixtral', ...args)
  expect(code, err).toBe(0)
  const report = JSON.parse(out) as EvalReport
  expect(report.perplexity).not.toBe(report.other!.perplexity)
  expect(report.other!.divergence).toBeGreaterThan(0)
})

const types = JSON.parse(fixture('eval/types.json').toString()) as readonly Expected[]

for (const { model, to, context, stride, ...wanted } of shareOf(types, types.length)) {
  test(`${model} beside ${to}: as transformers and torch`, MORE_IN_LONG, async () => {
    const files = [model, to!].flatMap((name) =>
      ['config.json', 'model.safetensors'].map((file) => [`${name}/${file}`, fixture(`architectures/${name}/${file}`)] as const),
    )
    const ids = fixture(`architectures/${types[0].model}/reference.safetensors`)
    const one = place({ ...Object.fromEntries(files), 'ids.safetensors': ids })
    const args = ['--tokens', 'ids.safetensors:input_ids', '--context', String(context), '--stride', String(stride)]
    const { code, out, err } = await evaluate(one, model, ...args, '--to', to!, '--format', 'json')
    expect(code, err).toBe(0)
    const report = JSON.parse(out) as EvalReport
    near(report.perplexity, wanted.perplexity)
    near(report.other!.divergence, wanted.divergence!)
    expect(report).toMatchObject({ scored: wanted.scored, accuracy: wanted.accuracy })
    expect(report.other!.agreement).toBeCloseTo(wanted.agreement!, 12)
  })
}

/** Of tokens [B, S] after the first of each row, by logits [B, S, V]. */
function crossEntropy(ids: HostTensor, logits: HostTensor): number {
  const [rows, length] = ids.shape
  const width = logits.shape[2]
  const losses = Array.from({ length: rows * (length - 1) }, (_, i) => {
    const at = Math.floor(i / (length - 1)) * length + (i % (length - 1))
    const row = logits.values.slice(at * width, (at + 1) * width)
    return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[ids.values[at + 1]]
  })
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

test('weights of a GGUF file in blocks, as shipped and converted', MORE_IN_LONG, async () => {
  const name = 'gpt_oss_mxfp4'
  const one = place({ [`${name}.gguf`]: fixture(`gguf/${name}.gguf`), 'ids.safetensors': fixture(`gguf/${name}.safetensors`) })
  await one.smoe('import', `${name}.gguf`, '-o', 'm.smoe')
  const lossOf = async (format: string): Promise<number> => {
    const args = ['--weights', `${name}.gguf`, '--tokens', 'ids.safetensors:input_ids', '--weights-as', format]
    const { code, out, err } = await evaluate(one, 'm.smoe', ...args, '--format', 'json')
    expect(code, err).toBe(0)
    return (JSON.parse(out) as EvalReport).loss
  }
  const { input_ids: ids, logits } = readSafetensors(join(one.folder, 'ids.safetensors'))
  const wanted = crossEntropy(ids, logits)
  for (const format of shareOf(['shipped', 'f32', 'bf16', 'f16'], 3)) near(await lossOf(format), wanted)
})

test('a model differs in nothing from itself, and tokens of a file are a text', async () => {
  const ids = Int32Array.from({ length: 40 }, (_, at) => (at * 7) % 64)
  const one = there({ 'ids.safetensors': encodeSafetensors({ ids: { shape: [2, 20], data: ids } }) })
  const args = ['--tokens', 'ids.safetensors:ids', '--context', '16', '--to', 'mixtral', '--format', 'json']
  const { code, out, err } = await evaluate(one, 'mixtral', ...args)
  expect(code, err).toBe(0)
  const report = JSON.parse(out) as EvalReport
  expect(report).toMatchObject({ model: 'mixtral', to: 'mixtral', bitsPerByte: null, windows: 4, allWindows: 4, scored: 36 })
  expect(report.other).toMatchObject({ agreement: 1, divergence: 0, loss: report.loss })
  expect(report.layers.map(({ change }) => change)).toEqual([
    { set: 0, top1: 0 },
    { set: 0, top1: 0 },
  ])
})

test('a spec is evaluated with its weights, on the reference too', async () => {
  const one = there()
  await one.smoe('import', 'llama', '-o', 'llama.smoe')
  const args = ['llama.smoe', '--weights', 'llama', '--text', 'two.txt', '--context', '24']
  const onDevice = await evaluate(one, ...args)
  expect(onDevice).toMatchObject({ code: 0 })
  const exact = await one.smoe('eval', ...args, '--device', 'reference')
  expect(exact.out.split(/\s+/).slice(0, 9)).toEqual(onDevice.out.split(/\s+/).slice(0, 9))
})

test('mistakes are told before anything is computed', async () => {
  const layer = '/// x\nmodel layer(D: int = 4) {\n  input x: f32[T, D]\n  output y: f32[T, D] = x + x\n}\n'
  const one = there({
    'layer.smoe': layer,
    'wide.safetensors': encodeSafetensors({ ids: { shape: [3], data: Int32Array.of(1, 64, 2) } }),
    'short.safetensors': encodeSafetensors({ ids: { shape: [1], data: Int32Array.of(1) } }),
  })
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { code, err } = await evaluate(one, ...args)
    expect(code).toBe(2)
    return err
  }
  expect(await refused('llama')).toContain('nothing to evaluate on\n  give it with --text FILE, or with --tokens FILE:TENSOR')
  expect(await refused('llama', '--text', 'one.txt', '--tokens', 'a:b')).toContain('--text and --tokens are two ways')
  expect(await refused('llama', '--text', 'none.txt')).toContain("there is no file 'none.txt'")
  expect(await refused('llama', '--text', 'one.txt', '--context', '8', '--stride', '9')).toContain(
    'a stride of 9 leaves out tokens between windows of 8',
  )
  expect(await refused('llama', '--text', 'one.txt', '--context', '1')).toContain("'1' is not a context")
  expect(await refused('llama', '--tokens', 'wide.safetensors:ids')).toContain(
    'token 1 of wide.safetensors:ids is 64, and llama has 64 tokens',
  )
  expect(await refused('llama', '--tokens', 'short.safetensors:ids')).toContain('a text of two tokens at least is needed')
  expect(await refused('layer.smoe', '--tokens', 'wide.safetensors:ids')).toContain(
    'layer does not take text: its input x: f32[T, 4] is not of token ids',
  )
  expect(await refused('layer.smoe', '--text', 'one.txt')).toContain('no folder with a tokenizer is given')
  expect(await refused('llama', '--text', 'one.txt', '--page', 'one.txt')).toContain('--page')
})
