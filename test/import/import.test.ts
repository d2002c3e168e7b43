import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { checkSource, framed } from '../support/check.ts'
import { root } from '../support/sources.ts'
import { anyConfig } from './configs.ts'
import { published, publishedExperts } from './published.ts'
import { assertProperty } from '../support/property.ts'

const fixtures = ['llama', 'llama-tied', 'mixtral', 'mixtral-window', 'olmoe', 'olmoe-clip']
const configOf = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(root, 'test/fixtures/checkpoints', name, 'config.json'), 'utf8'))

function specOf(config: unknown): string {
  const imported = importModel(config)
  if (imported.kind !== 'spec') throw new Error(imported.message)
  return imported.spec
}

function messageOf(config: unknown): string {
  const imported = importModel(config)
  return imported.kind === 'unsupported' ? imported.message : ''
}

const without = (config: Record<string, unknown>, name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).filter(([key]) => key !== name))

describe('the spec of a checkpoint', () => {
  test.each(fixtures)('%s reads as kept here', async (name) => {
    await expect(specOf(configOf(name))).toMatchFileSnapshot(`golden/${name}.smoe`)
  })

  test.each(fixtures)('%s has no mistakes', (name) => {
    expect(framed(checkSource({ path: `${name}.smoe`, text: specOf(configOf(name)) }).diagnostics)).toBe('')
  })

  test.each(Object.keys(published))('%s is taken as published', (name) => {
    const config = published[name]
    const text = specOf(config)
    expect(framed(checkSource({ path: 'published.smoe', text }).diagnostics)).toBe('')
    for (const field of ['vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads']) {
      expect(text).toMatch(new RegExp(`= ${config[field] as number}[,)]`))
    }
  })

  test.each(Object.entries(publishedExperts))('%s is taken as published, its experts too', (_, { config, becomes }) => {
    const imported = importModel(config)
    if (imported.kind !== 'spec') throw new Error(imported.message)
    expect(framed(checkSource({ path: 'published.smoe', text: imported.spec }).diagnostics)).toBe('')
    expect(imported.notes).toEqual([])
    for (const text of becomes) expect(imported.spec).toContain(text)
  })

  test('any valid config gives a spec without mistakes, laid out as the formatter would', () => {
    assertProperty(
      fc.property(anyConfig, (config) => {
        const text = specOf(config)
        const source = { path: 'imported.smoe', text }
        expect(framed(checkSource(source).diagnostics)).toBe('')
        expect(print(parse(source).file)).toBe(text)
      }),
      30,
    )
  })

  test('older layouts of the rotary embedding give the same spec', () => {
    const config = configOf('mixtral')
    const older = { ...without(config, 'rope_parameters'), rope_theta: 1e6, rope_scaling: null }
    expect(specOf(older)).toBe(specOf(config))
    expect(specOf({ ...older, rope_scaling: { type: 'default' } })).toBe(specOf(config))
    expect(specOf(without(config, 'rope_parameters'))).toBe(specOf(config))
  })

  test('absent fields mean what they meant when they did not exist', () => {
    const config = { ...configOf('llama'), num_key_value_heads: 4 }
    const older = [
      'num_key_value_heads',
      'head_dim',
      'attention_bias',
      'mlp_bias',
      'tie_word_embeddings',
      'rope_parameters',
    ].reduce(without, config)
    expect(specOf(older)).toBe(specOf(config))
  })

  test('ERNIE 4.5 has experts up to the last layer where its config does not say where they end', () => {
    const path = join(root, 'test/fixtures/architectures/ernie4_5_moe/config.json')
    const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    const absent = specOf(without(config, 'moe_layer_end_index'))
    expect(absent).toBe(specOf({ ...config, moe_layer_end_index: -1 }))
    expect(absent).toContain('moe(')
  })

  test('hostile layers are refused in few words', () => {
    const path = join(root, 'test/fixtures/architectures/qwen2_moe/config.json')
    const { layer_types: _, ...config } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    const scattered = Array.from({ length: 4000 }, (_, i) => i).filter((i) => (i * i * 7 + i * 3) % 11 < 5)
    expect(messageOf({ ...config, num_hidden_layers: 4000, mlp_only_layers: scattered })).toBe(
      'layers differ in no pattern, and more than 64 are of the rarer kind',
    )
    const odd = messageOf({ ...config, num_hidden_layers: 3, layer_types: Array.from({ length: 50_000 }, (_, i) => i) })
    expect(odd.split('\n').length).toBeLessThan(5)
  })

  test('so many shared experts that their width is no exact number are refused', () => {
    const path = join(root, 'test/fixtures/architectures/deepseek_v3/config.json')
    const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    expect(messageOf({ ...config, n_shared_experts: 8, moe_intermediate_size: 2 ** 53 - 1 })).toContain(
      "'n_shared_experts' is 8: so many times 'moe_intermediate_size' is beyond what a spec may have",
    )
  })

  test.each([
    { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 },
    { rope_type: 'dynamic', factor: 2 },
    { rope_type: 'longrope', factor: 2, short_factor: [1, 2, 3, 4], long_factor: [1, 2, 3, 4] },
  ])('frequencies of heads that share the width are as many as its pairs: %j', (rope) => {
    const text = specOf({ ...configOf('llama'), rope_parameters: { ...rope, rope_theta: 1e4 } })
    expect(framed(checkSource({ path: 'scaled.smoe', text }).diagnostics)).toBe('')
  })

  test.each(['jetmoe', 'dbrx'])('frequencies of %s, whose size of a head is a parameter, are half of it', (type) => {
    const config = JSON.parse(readFileSync(join(root, 'test/fixtures/architectures', type, 'config.json'), 'utf8')) as object
    const rope = { rope_type: 'dynamic', factor: 2, rope_theta: 1e4 }
    const text = specOf({ ...config, rope_parameters: rope, max_position_embeddings: 64 })
    expect(framed(checkSource({ path: 'scaled.smoe', text }).diagnostics)).toBe('')
  })

  test('mixtral has eight heads of keys and values where its config does not say, and as many as of queries where it says null', () => {
    const config = { ...configOf('mixtral'), num_attention_heads: 16, hidden_size: 64 }
    expect(specOf(without(config, 'num_key_value_heads'))).toContain('groups = 8,')
    expect(specOf({ ...config, num_key_value_heads: null })).toContain('attention(normed, heads = 16, theta')
    expect(specOf({ ...without(configOf('llama'), 'num_key_value_heads') })).not.toContain('groups')
  })

  test('fields that nobody knows are noted, those without effect are not', () => {
    const notes = (change: Record<string, unknown>): readonly string[] => {
      const imported = importModel({ ...configOf('llama'), ...change })
      return imported.kind === 'spec' ? imported.notes : [imported.message]
    }
    expect(
      notes({
        temperature: 0.5,
        pad_token_id: 3,
        _name_or_path: 'x',
        sliding_window: null,
        logits_scaling: 1.0,
        pruned_heads: {},
        mlp_only_layers: [],
      }),
    ).toEqual([])
    expect(notes({ flux: 3, auto_map: {}, [`long${'g'.repeat(5000)}`]: 1 })[0]).toMatch(
      /^unknown fields are ignored: flux, auto_map, longggg.{1,80}$/,
    )
  })

  test('a head size of width / heads is not worth a parameter', () => {
    expect(specOf({ ...configOf('mixtral'), head_dim: 8 })).toBe(specOf(configOf('mixtral')))
  })
})

describe('what cannot be imported is refused with its reason', () => {
  const refusals: readonly (readonly [string, string, Record<string, unknown>, string])[] = [
    [
      'a rotary embedding of an unknown kind',
      'llama',
      { rope_parameters: { rope_type: 'mrope', factor: 8, rope_theta: 5e5 } },
      "'rope_parameters' is of type 'mrope'",
    ],
    [
      'an older scaled one',
      'llama',
      { rope_parameters: null, rope_theta: 1e4, rope_scaling: { type: 'su', factor: 2 } },
      "'rope_scaling' is of type 'su'",
    ],
    [
      'a rotary embedding by length without its factors',
      'olmoe',
      { rope_scaling: { rope_type: 'longrope', short_factor: [1], long_factor: [0] } },
      "'rope_scaling.long_factor' is [0]",
    ],
    [
      'a factor for each channel in the place of each pair',
      'olmoe',
      { rope_scaling: { rope_type: 'longrope', factor: 2, short_factor: [1, 2, 3, 4, 5], long_factor: [1, 2, 3, 4] } },
      "'short_factor' lists 5 factors, and 4 frequencies are rotated",
    ],
    ['a scaling without its factor', 'llama', { rope_scaling: { rope_type: 'linear' } }, "'rope_scaling.factor' is missing"],
    [
      'a scaling without its bounds',
      'llama',
      { rope_scaling: { rope_type: 'llama3', factor: 8 } },
      "'rope_scaling.low_freq_factor' is missing",
    ],
    [
      'bounds in the other order',
      'llama',
      { rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 4 } },
      'must be above',
    ],
    [
      'a field of another scaling',
      'llama',
      { rope_scaling: { rope_type: 'linear', factor: 8, attention_factor: 2 } },
      "'rope_scaling.attention_factor' is given",
    ],
    [
      'a factor of no scaling',
      'llama',
      { rope_parameters: { rope_type: 'default', factor: 8 } },
      "'rope_parameters.factor' is given",
    ],
    [
      'kinds of layers that are many numbers',
      'llama',
      { layer_types: Array.from({ length: 50_000 }, (_, at) => at) },
      "'layer_types' names 0: supported are",
    ],
    ['a scaling that is a word', 'llama', { rope_scaling: 'linear' }, "'rope_scaling' must be an object"],
    [
      'a partly rotated head inside',
      'llama',
      { rope_scaling: { rope_type: 'linear', factor: 2, partial_rotary_factor: 0.5 } },
      "'partial_rotary_factor' is 0.5",
    ],
    [
      'a window that looks both ways',
      'mixtral',
      { sliding_window: 4, is_causal: false },
      "'is_causal' is false beside a 'sliding_window'",
    ],
    ['a window where none is read', 'llama', { sliding_window: 4 }, "'sliding_window' is 4"],
    ['weights that do not sum to 1', 'mixtral', { norm_topk_prob: false }, "'norm_topk_prob' is false"],
    ['biases that are not read', 'mixtral', { attention_bias: true }, "'attention_bias' is true"],
    ['two numbers of experts', 'mixtral', { num_experts: 4 }, "'num_experts' is 4: 'num_local_experts' is 8"],
    ['experts of a dense model', 'llama', { num_experts: 4 }, "'num_experts' is 4"],
    ['another scale of the logits', 'llama', { logits_scaling: 8 }, "'logits_scaling' is 8"],
    ['layers that differ', 'llama', { per_layer_config: { 0: { head_dim: 4 } } }, "'per_layer_config'"],
    ['dense layers among routed ones', 'olmoe', { mlp_only_layers: [0] }, "'mlp_only_layers' is [0]"],
    ['shared experts', 'olmoe', { n_shared_experts: 1 }, "'n_shared_experts' is 1"],
    ['a partly rotated head', 'llama', { partial_rotary_factor: 0.5 }, "'partial_rotary_factor' is 0.5"],
    ['a share far beyond the head', 'llama', { partial_rotary_factor: 2 ** 53 - 1 }, 'it is more than the head'],
    ['another activation', 'mixtral', { hidden_act: 'gelu' }, "'hidden_act' is 'gelu'"],
    ['layers of several types', 'llama', { layer_types: ['full_attention', 'sliding_attention'] }, '"sliding_attention"'],
    [
      'rotary embeddings by layer type',
      'llama',
      { rope_parameters: { full_attention: { rope_theta: 1e4 } } },
      "'full_attention'",
    ],
    ['a head that is no language model', 'llama', { architectures: ['LlamaForSequenceClassification'] }, 'LlamaForCausalLM'],
    ['quantised weights', 'mixtral', { quantization_config: { quant_method: 'gptq' } }, 'quantised'],
    [
      'more experts a token than there are',
      'olmoe',
      { num_experts_per_tok: 9 },
      "'num_experts_per_tok' (9) is more than 'num_experts' (8)",
    ],
    [
      'heads that do not divide',
      'llama',
      { head_dim: null, hidden_size: 30 },
      "'num_attention_heads' (4) does not divide 'hidden_size' (30)",
    ],
    [
      'groups that do not divide',
      'llama',
      { num_key_value_heads: 3 },
      "'num_key_value_heads' (3) does not divide 'num_attention_heads' (4)",
    ],
    ['an odd head', 'llama', { head_dim: 7 }, 'even'],
    ['a head size that norms over all heads cannot have', 'olmoe', { head_dim: 16 }, "'head_dim' is 16"],
    ['a size that is a string', 'llama', { hidden_size: '32' }, `'hidden_size' must be a whole number from 1 up, not "32"`],
    ['a size below 1', 'llama', { num_hidden_layers: 0 }, "'num_hidden_layers' must be a whole number from 1 up, not 0"],
    ['an epsilon beyond f32', 'llama', { rms_norm_eps: 3.5e38 }, "'rms_norm_eps' must be a number above 0 that f32 holds"],
    ['an epsilon below f32', 'olmoe', { rms_norm_eps: 1e-60 }, "'rms_norm_eps' must be a number above 0 that f32 holds"],
    ['a negative window', 'mixtral', { sliding_window: -4 }, "'sliding_window' must be"],
    ['a flag that is a number', 'llama', { tie_word_embeddings: 1 }, "'tie_word_embeddings' must be true or false, not 1"],
  ]
  test.each(refusals)('%s', (_, name, change, message) => {
    expect(messageOf({ ...configOf(name), ...change })).toContain(message)
  })

  test.each([
    'vocab_size',
    'hidden_size',
    'intermediate_size',
    'num_hidden_layers',
    'num_attention_heads',
    'rms_norm_eps',
    'num_local_experts',
    'num_experts_per_tok',
  ])('a config without %s', (field) => expect(messageOf(without(configOf('mixtral'), field))).toContain(`'${field}' is missing`))

  test('an unknown architecture is told what it is nearest to and what differs', () => {
    const config = { ...configOf('olmoe'), model_type: 'olmoe3', clip_qkv: 8, clip_kv: 3, n_group: 2 }
    const tensors = [
      'model.embed_tokens.weight',
      'model.layers.0.mlp.experts.0.up_proj.weight',
      'model.layers.0.mlp.extra.weight',
    ]
    const imported = importModel(config, { tensors })
    const message = imported.kind === 'unsupported' ? imported.message : ''
    expect(message).toContain("the architecture 'olmoe3' is not in the table (supported are llama, ")
    expect(message).toMatch(
      /the nearest is 'olmoe' \(OlmoeForCausalLM\), which knows \d+ of \d+ fields and 2 of 3 kinds of tensors/,
    )
    expect(message).toContain("fields that 'olmoe' does not read: n_group")
    expect(message).toContain('unknown fields: clip_kv')
    expect(message).toContain('tensors of the files alone: model.layers.*.mlp.extra.weight')
    expect(importModel({ ...configOf('olmoe'), model_type: 'olmoe3' }, { as: 'olmoe' })).toMatchObject({
      kind: 'spec',
      name: 'olmoe',
    })
  })

  test('all problems are told at once, each once', () => {
    const message = messageOf({ ...configOf('mixtral'), hidden_size: null, hidden_act: 'relu', num_local_experts: 'eight' })
    expect(message.split('\n')).toEqual(['3 reasons against it', expect.any(String), expect.any(String), expect.any(String)])
  })

  test.each([[null], [[]], ['{}'], [{}], [{ model_type: 3 }], [{ model_type: 'gpt2' }], [{ model_type: 'constructor' }]])(
    '%j',
    (config) => {
      expect(importModel(config).kind).toBe('unsupported')
    },
  )

  test('whatever is in it, a config is answered and never thrown at', () => {
    const names = [...new Set(fixtures.flatMap((name) => Object.keys(configOf(name))))]
    const broken = fc.record({
      name: fc.constantFrom(...fixtures),
      change: fc.dictionary(fc.constantFrom(...names), fc.jsonValue()),
    })
    assertProperty(
      fc.property(broken, ({ name, change }) => {
        const imported = importModel({ ...configOf(name), ...change })
        if (imported.kind === 'spec')
          expect(framed(checkSource({ path: 'imported.smoe', text: imported.spec }).diagnostics)).toBe('')
        else expect(imported.message).not.toBe('')
      }),
      100,
    )
  })
})
