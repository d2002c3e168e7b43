/** `smoe quantize`: what is written, what is told of it, and what is refused. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import { rawFile, rawFloats } from '../support/raw-tensors.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { place, type Place } from './harness.ts'

const folderOf = (name: string): string => join(root, 'test/fixtures', name)
const MIXTRAL = 'checkpoints/mixtral'

interface Told {
  readonly name: string
  readonly kind: string
  readonly format: string
  readonly relative_rms: number
  readonly largest: number
  readonly bytes: { readonly before: number; readonly after: number }
}

interface Report {
  readonly bytes: { readonly before: number; readonly after: number }
  readonly tensors: readonly Told[]
  readonly evaluation: {
    readonly before: { readonly loss: number }
    readonly after: { readonly loss: number }
    readonly divergence: number
  } | null
}

async function quantized(there: Place, name: string, ...args: readonly string[]): Promise<Report> {
  const { code, out, err } = await there.smoe('quantize', folderOf(name), '-o', 'out', '--format', 'json', ...args)
  expect(code, err).toBe(0)
  return JSON.parse(out) as Report
}

const configOf = (there: Place): { readonly quantization_config?: Record<string, unknown>; readonly dtype?: string } =>
  JSON.parse(readFileSync(join(there.folder, 'out/config.json'), 'utf8')) as never

/** Every tensor of a folder, as smoe reads it. */
async function numbersOf(folder: string): Promise<ReadonlyMap<string, Float32Array>> {
  const checkpoint = await openCheckpoint(folder)
  const numbers = new Map<string, Float32Array>()
  for (const name of checkpoint.tensors.keys())
    numbers.set(name, Float32Array.from((await readTensor(checkpoint, name)).data as Float32Array))
  await checkpoint.close()
  return numbers
}

/** The errors of the report are those of the files, and what it does not name is as it was. */
async function expectErrors(there: Place, original: string, { tensors }: Report): Promise<void> {
  const [before, after] = [await numbersOf(folderOf(original)), await numbersOf(join(there.folder, 'out'))]
  expect([...after.keys()].sort()).toEqual([...before.keys()].sort())
  for (const [name, values] of after) {
    const was = before.get(name)!
    const told = tensors.find((one) => one.name === name)
    if (told === undefined) {
      expect(values, name).toEqual(was)
      continue
    }
    const squares = values.reduce((sum, value, at) => sum + (value - was[at]) ** 2, 0)
    const energy = was.reduce((sum, value) => sum + value ** 2, 0)
    expect(told.relative_rms, name).toBeCloseTo(Math.sqrt(squares / energy), 12)
    expect(told.largest, name).toBeCloseTo(
      values.reduce((most, value, at) => Math.max(most, Math.abs(value - was[at])), 0),
      12,
    )
  }
}

describe('a quantised folder', () => {
  test('in int4 has codes for matrices of layers, the numbers of all else, and a config that says so', async () => {
    const there = place()
    const report = await quantized(there, MIXTRAL, '--to', 'int4', '--group', '32')
    await expectErrors(there, MIXTRAL, report)
    expect([...new Set(report.tensors.map(({ kind, format }) => `${kind} ${format}`))]).toEqual(['matrices int4', 'experts int4'])
    expect(configOf(there).quantization_config).toEqual({
      quant_method: 'compressed-tensors',
      format: 'pack-quantized',
      quantization_status: 'compressed',
      global_compression_ratio: null,
      kv_cache_scheme: null,
      config_groups: {
        group_0: {
          targets: ['Linear'],
          weights: {
            actorder: null,
            block_structure: null,
            dynamic: false,
            group_size: 32,
            num_bits: 4,
            observer: 'minmax',
            observer_kwargs: {},
            strategy: 'group',
            symmetric: true,
            type: 'int',
          },
          input_activations: null,
          output_activations: null,
        },
      },
      ignore: ['model.layers.0.block_sparse_moe.gate', 'model.layers.1.block_sparse_moe.gate', 'lm_head'],
    })
    const { before, after } = report.bytes
    expect(after / before).toBeLessThan(0.25)
  })

  test('predicts tokens nearly as well in int8, and is compared with the original', async () => {
    const there = place()
    const llama = 'checkpoints/llama'
    const tokens = `${join(folderOf(llama), 'reference.safetensors')}:input_ids`
    const { evaluation } = await quantized(there, llama, '--to', 'int8', '--tokens', tokens, '--device', 'cpu')
    const { before, after, divergence } = evaluation!
    expect(Math.abs(after.loss - before.loss)).toBeLessThan(0.01)
    expect(divergence).toBeGreaterThan(0)
    expect(divergence).toBeLessThan(0.01)
  })

  test('has zero points, a search and a router where they are asked for, and is read by import', async () => {
    const there = place()
    const options = ['--to', 'int4', '--zero-points', '--search', '--no-keep-router']
    const report = await quantized(there, 'checkpoints/olmoe', ...options)
    await expectErrors(there, 'checkpoints/olmoe', report)
    expect(report.tensors.filter(({ kind }) => kind === 'router').length).toBe(2)
    const { code, err } = await there.smoe('import', 'out', '-o', 'spec.smoe')
    expect(code, err).toBe(0)
  })

  test('in bf16 has no codes, and the router in f32 where it is kept', async () => {
    const there = place()
    const report = await quantized(there, MIXTRAL, '--to', 'bf16', '--keep-router')
    await expectErrors(there, MIXTRAL, report)
    expect(configOf(there)).toMatchObject({ dtype: 'bfloat16' })
    expect(report.tensors.some(({ kind }) => kind === 'router')).toBe(false)
    expect(Math.max(...report.tensors.map((one) => one.relative_rms))).toBeLessThan(2 ** -8)
  })

  test('in MXFP4 means the same numbers after MXFP4, whatever came between', async () => {
    const there = place()
    const name = 'codes/gpt_oss'
    const report = await quantized(there, name, '--to', 'mxfp4')
    expect(report.tensors.every((one) => one.relative_rms === 0)).toBe(true)
    await expectErrors(there, name, report)
    expect((await there.smoe('quantize', folderOf(name), '--to', 'bf16', '-o', 'between')).code).toBe(0)
    expect((await there.smoe('quantize', 'between', '--to', 'mxfp4', '-o', 'back')).code).toBe(0)
    const [one, other] = [await numbersOf(join(there.folder, 'out')), await numbersOf(join(there.folder, 'back'))]
    expect(other).toEqual(one)
    expect(configOf(there).quantization_config).toMatchObject({ quant_method: 'mxfp4' })
  })

  test('of another method has its numbers in bf16 where it is not quantised', async () => {
    const there = place()
    const report = await quantized(there, 'codes/qwen3_moe', '--to', 'int8', '--only', 'experts')
    expect([...new Set(report.tensors.map(({ kind, format }) => `${kind} ${format}`))].sort()).toEqual([
      'experts int8',
      'matrices bf16',
    ])
    await expectErrors(there, 'codes/qwen3_moe', report)
  })
})

test('the page has what the command prints', async () => {
  const there = place()
  const { out, err } = await there.smoe('quantize', folderOf(MIXTRAL), '--to', 'int4', '--group', '32', '-o', 'smaller')
  const page = readFileSync(join(root, 'docs/quantize.md'), 'utf8')
  for (const line of `${out}${err}`.split('\n')) expect(page).toContain(line)
})

describe('formats by weight', () => {
  test('are those of the lines, in groups of the config', async () => {
    const there = place({ 'choice.txt': 'layers.0.moe.experts.3 = int8\nlayers.*.attention = keep\nhead = int8\n' })
    const report = await quantized(there, MIXTRAL, '--to', 'int4', '--choice', 'choice.txt')
    await expectErrors(there, MIXTRAL, report)
    const names = report.tensors.filter(({ format }) => format === 'int8').map(({ name }) => name.replace('.weight', ''))
    expect(names).toEqual([
      'model.layers.0.block_sparse_moe.experts.3.w1',
      'model.layers.0.block_sparse_moe.experts.3.w3',
      'model.layers.0.block_sparse_moe.experts.3.w2',
      'lm_head',
    ])
    const { config_groups: groups, ignore } = configOf(there).quantization_config as never as {
      readonly config_groups: Readonly<Record<string, { readonly targets: readonly string[] }>>
      readonly ignore: readonly string[]
    }
    expect(groups.group_0.targets).toEqual(['Linear'])
    expect(groups.group_1.targets).toEqual(names)
    expect(ignore).toContain('model.layers.1.self_attn.q_proj')
    expect(ignore).not.toContain('lm_head')
    expect((await there.smoe('import', 'out', '-o', 'spec.smoe')).code).toBe(0)
  })

  test.each([
    [
      MIXTRAL,
      'int4',
      'layers.0.moe.experts.9 = int8',
      "choice.txt:1: no weight has a path that begins with 'layers.0.moe.experts.9'",
    ],
    [MIXTRAL, 'int4', 'head = fp8', "'lm_head.weight' would be fp8, which a config does not name beside int4"],
    [
      MIXTRAL,
      'int4',
      'layers.0.moe_norm = int4',
      "'model.layers.0.post_attention_layernorm.weight' is a vector or a table, where codes are for matrices of linear layers",
    ],
    [
      'architectures/granitemoe',
      'int4',
      'layers.0.moe.experts.1 = int8',
      "'model.layers.0.block_sparse_moe.input_linear.weight' has one format: layers.0.moe.experts.0.gate would be int4, layers.0.moe.experts.1.gate int8",
    ],
    ['codes/gpt_oss', 'mxfp4', 'layers.0.moe.experts = keep', "a 'gpt_oss' has all of its experts in MXFP4, or none"],
  ])('of %s to %s with %s are refused', async (name, to, line, reason) => {
    const { code, err } = await place({ 'choice.txt': line }).smoe(
      'quantize',
      folderOf(name),
      '--to',
      to,
      '--choice',
      'choice.txt',
      '-o',
      'out',
    )
    expect(code).toBe(2)
    expect(err).toContain(reason)
  })
})

test.each([
  ['architectures/gpt_oss', ['--to', 'int4'], 'has an input of its layer in each row'],
  ['architectures/gemma4_text', ['--to', 'int8'], "has no name for codes: compressed-tensors puts them behind '.weight'"],
  [MIXTRAL, ['--to', 'mxfp4'], 'has rows of 48 numbers, which are not whole blocks of 32'],
  [MIXTRAL, ['--to', 'int4', '--group', '48'], "'48' is not a group"],
  [MIXTRAL, ['--to', 'fp8', '--group', '64'], '--group goes with int8 and int4, not with fp8'],
])('%s with %j is refused', async (name, args, reason) => {
  const there = place()
  const { code, err } = await there.smoe('quantize', folderOf(name), ...args, '-o', 'out')
  expect(code).toBe(2)
  expect(err).toContain(reason)
  expect(there.read('out/config.json')).toBeNull()
})

test.each([
  ['NaN', NaN],
  ['Infinity', -Infinity],
])('%s is refused with its place, and nothing is written', async (_, value) => {
  const llama = folderOf('checkpoints/llama')
  const tensors = readSafetensors(join(llama, 'model.safetensors'))
  const name = 'model.layers.1.mlp.up_proj.weight'
  const raw = Object.entries(tensors).map(([key, { shape, values }]) => {
    const own = key === name ? values.with(shape[1] + 2, value) : values
    return [key, rawFloats(shape, [...own])] as const
  })
  const there = place({
    'model/config.json': readFileSync(join(llama, 'config.json')),
    'model/model.safetensors': rawFile(Object.fromEntries(raw)),
  })
  const { code, err } = await there.smoe('quantize', 'model', '--to', 'int8', '-o', 'out')
  expect(code).toBe(5)
  expect(err).toContain(`'${name}' has the number ${value} in row 1, column 2`)
  expect(there.read('out/config.json')).toBeNull()
})
