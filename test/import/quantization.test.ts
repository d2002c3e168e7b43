/** `quantization_config`: what is read of it, what is refused, and that it agrees with the files. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importModel, type Imported } from '../../cli/import/import.ts'
import { root } from '../support/sources.ts'
import { place, type Outcome } from '../cli/harness.ts'

type Config = Readonly<Record<string, unknown>>

const folder = (name: string): string => join(root, 'test/fixtures/codes', name)
const configOf = (name: string): Config => JSON.parse(readFileSync(join(folder(name), 'config.json'), 'utf8')) as Config

const imported = (name: string, quantization: unknown, changes: Config = {}): Imported =>
  importModel({ ...configOf(name), quantization_config: quantization, ...changes })

const FP8 = { quant_method: 'fp8', fmt: 'e4m3', activation_scheme: 'dynamic', weight_block_size: [128, 128] }

/** A config of compressed-tensors with one group. */
const compressed = (format: string, weights: Config, activations: Config | null = null): Config => ({
  quant_method: 'compressed-tensors',
  format,
  quantization_status: 'compressed',
  global_compression_ratio: null,
  kv_cache_scheme: null,
  ignore: ['lm_head', 're:.*mlp.gate$'],
  config_groups: {
    group_0: {
      targets: ['Linear'],
      weights: { dynamic: false, actorder: null, observer: 'minmax', observer_kwargs: {}, ...weights },
      input_activations: activations,
      output_activations: null,
    },
  },
})

const INT4 = { num_bits: 4, type: 'int', symmetric: true, group_size: 32, strategy: 'group' }
const ROWS = { symmetric: true, group_size: null, strategy: 'channel' }
const TOKENS = { num_bits: 8, symmetric: true, strategy: 'token', dynamic: true }

/** As their makers publish them. */
const PUBLISHED: readonly (readonly [model: string, type: string, quantization: Config])[] = [
  ['DeepSeek-V3', 'deepseek_v3', FP8],
  ['DeepSeek-V3.1', 'deepseek_v3', { ...FP8, scale_fmt: 'ue8m0' }],
  ['Qwen3-30B-A3B-FP8', 'qwen3_moe', { ...FP8, modules_to_not_convert: ['lm_head', 'model.layers.0.mlp.gate'] }],
  [
    'MiniMax-M2',
    'minimax_m2',
    { ...FP8, fmt: 'float8_e4m3fn', modules_to_not_convert: ['gate', 'e_score_correction_bias', 'lm_head'] },
  ],
  ['Kimi-K2-Thinking', 'deepseek_v3', compressed('pack-quantized', INT4)],
  ['W4A16 asymmetric', 'qwen3_moe', compressed('pack-quantized', { ...INT4, symmetric: false, group_size: 128 })],
  ['W8A8', 'qwen3_moe', compressed('int-quantized', { ...ROWS, num_bits: 8, type: 'int' }, { ...TOKENS, type: 'int' })],
  [
    'GLM-4.5-FP8',
    'glm4_moe_fp8',
    compressed('float-quantized', { ...ROWS, num_bits: 8, type: 'float' }, { ...TOKENS, type: 'float' }),
  ],
  ['gpt-oss-20b', 'gpt_oss', { quant_method: 'mxfp4', modules_to_not_convert: ['model.layers.*.self_attn', 'lm_head'] }],
]

test.each(PUBLISHED)('%s is taken as published', (_, type, quantization) => {
  const result = imported(type, quantization)
  expect(result).toMatchObject({ kind: 'spec', quantized: { method: quantization.quant_method } })
  expect((result as { readonly notes: readonly string[] }).notes).toEqual([])
  const fields = (result as { readonly fields: readonly { readonly field: string }[] }).fields.map(({ field }) => field)
  for (const name of Object.keys(quantization))
    expect(
      fields.some((field) => `${field}.`.startsWith(`quantization_config.${name}.`)),
      name,
    ).toBe(true)
})

test('the experts of gpt-oss have a row an output in MXFP4', () => {
  const { spec } = imported('gpt_oss', { quant_method: 'mxfp4' }) as Imported & { readonly kind: 'spec' }
  expect(spec).toContain('moe.experts.{gate, gate_bias} = "mlp.experts.gate_up_proj{,_bias}"[:, ::2]\n')
  expect(spec).toContain('moe.experts.{up, up_bias} = "mlp.experts.gate_up_proj{,_bias}"[:, 1::2]\n')
  expect(spec).toContain('moe.experts.{down, down_bias} = "mlp.experts.down_proj{,_bias}"\n')
})

const REFUSED: readonly (readonly [type: string, quantization: unknown, changes: Config, message: string])[] = [
  [
    'qwen3_moe',
    { quant_method: 'gptq', bits: 4 },
    {},
    `the weights are quantised, and 'quantization_config.quant_method' is "gptq": mxfp4, fp8, compressed-tensors are supported`,
  ],
  ['qwen3_moe', { load_in_4bit: true, quant_method: 'bitsandbytes' }, {}, `'quantization_config.quant_method' is "bitsandbytes"`],
  ['qwen3_moe', { bits: 4 }, {}, "'quantization_config.quant_method' is missing"],
  ['qwen3_moe', 'fp8', {}, `'quantization_config' must be an object, not "fp8"`],
  ['qwen3_moe', { ...FP8, fmt: 'e5m2' }, {}, `'quantization_config.fmt' is "e5m2": e4m3, float8_e4m3fn are supported`],
  ['qwen3_moe', { ...FP8, activation_scheme: 'static' }, {}, `'quantization_config.activation_scheme' is "static": dynamic is`],
  [
    'qwen3_moe',
    { ...FP8, weight_block_size: [64, 128] },
    {},
    "'quantization_config.weight_block_size' is [64,128]: only squares of [128, 128] are supported",
  ],
  ['qwen3_moe', { ...FP8, weight_block_size: null }, {}, "'quantization_config.weight_block_size' is null"],
  ['qwen3_moe', { ...FP8, kv_cache_scheme: { bits: 8 } }, {}, `'quantization_config.kv_cache_scheme' is {"bits":8}`],
  [
    'gpt_oss',
    { quant_method: 'mxfp4' },
    { hidden_size: 90 },
    "'hidden_size' is 90: a row in MXFP4 is whole blocks of 32 numbers",
  ],
  ['gpt_oss', { quant_method: 'mxfp4' }, { intermediate_size: 40 }, "'intermediate_size' is 40: a row in MXFP4"],
]

test.each(REFUSED)('%s with %j and %j is refused', (type, quantization, changes, message) => {
  const result = imported(type, quantization, changes)
  expect(result.kind === 'unsupported' ? result.message : '').toContain(message)
})

describe('config and files', () => {
  /** Imports the folder of a fixture with another `quantization_config`. */
  function importWith(name: string, quantization: unknown, weights = folder(name)): Promise<Outcome> {
    const there = place()
    cpSync(folder(name), join(there.folder, 'm'), { recursive: true })
    writeFileSync(join(there.folder, 'm/config.json'), JSON.stringify({ ...configOf(name), quantization_config: quantization }))
    return there.smoe('import', 'm', '--weights', weights)
  }

  test('a spec reads every tensor, and scales with their codes', async () => {
    const { code, err } = await importWith('qwen3_moe', FP8)
    expect(err).toBe('')
    expect(code).toBe(0)
  })

  test('codes that the config does not know of are refused', async () => {
    const { code, err } = await importWith('qwen3_moe', null)
    expect(code).not.toBe(0)
    expect(err).toMatch(/there is no 'quantization_config', and 'model.layers.\d.\S+' of \S+ has codes of fp8_128/)
  })

  test('codes of another method are refused', async () => {
    const { err } = await importWith('qwen3_moe', { quant_method: 'mxfp4' })
    expect(err).toMatch(/'quant_method' is mxfp4, and '\S+' of \S+ has codes of fp8_128/)
  })

  test('a method without codes in the files is refused', async () => {
    const plain = join(root, 'test/fixtures/architectures/qwen3_moe')
    expect((await importWith('qwen3_moe', FP8, plain)).err).toMatch(/'quant_method' is fp8, and no weight of \S+ has codes/)
  })
})
