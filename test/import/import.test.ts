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
import { published } from './published.ts'

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
      expect(text).toContain(`= ${config[field] as number},`)
    }
  })

  test('any valid config gives a spec without mistakes, laid out as the formatter would', () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        const text = specOf(config)
        const source = { path: 'imported.smoe', text }
        expect(framed(checkSource(source).diagnostics)).toBe('')
        expect(print(parse(source).file)).toBe(text)
      }),
      { numRuns: 60 },
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
    const older = ['num_key_value_heads', 'head_dim', 'attention_bias', 'mlp_bias', 'tie_word_embeddings', 'rope_parameters'].reduce(without, config)
    expect(specOf(older)).toBe(specOf(config))
  })

  test('a head size of width / heads is not worth a parameter', () => {
    expect(specOf({ ...configOf('mixtral'), head_dim: 8 })).toBe(specOf(configOf('mixtral')))
  })
})

describe('what cannot be imported is refused with its reason', () => {
  const refusals: readonly (readonly [string, string, Record<string, unknown>, string])[] = [
    ['a scaled rotary embedding', 'llama', { rope_parameters: { rope_type: 'llama3', factor: 8, rope_theta: 5e5 } }, "'rope_parameters' is of type 'llama3'"],
    ['an older scaled one', 'llama', { rope_parameters: null, rope_theta: 1e4, rope_scaling: { type: 'linear', factor: 2 } }, "'rope_scaling' is of type 'linear'"],
    ['a partly rotated head', 'llama', { partial_rotary_factor: 0.5 }, "'partial_rotary_factor' is 0.5"],
    ['another activation', 'mixtral', { hidden_act: 'gelu' }, "'hidden_act' is 'gelu'"],
    ['layers of several types', 'llama', { layer_types: ['full_attention', 'sliding_attention'] }, '"sliding_attention"'],
    ['rotary embeddings by layer type', 'llama', { rope_parameters: { full_attention: { rope_theta: 1e4 } } }, "'full_attention'"],
    ['a head that is no language model', 'llama', { architectures: ['LlamaForSequenceClassification'] }, 'LlamaForCausalLM'],
    ['quantised weights', 'mixtral', { quantization_config: { quant_method: 'gptq' } }, 'quantised'],
    ['more experts a token than there are', 'olmoe', { num_experts_per_tok: 9 }, "'num_experts_per_tok' (9) is more than 'num_experts' (8)"],
    ['heads that do not divide', 'llama', { head_dim: null, hidden_size: 30 }, "'num_attention_heads' (4) does not divide 'hidden_size' (30)"],
    ['groups that do not divide', 'llama', { num_key_value_heads: 3 }, "'num_key_value_heads' (3) does not divide 'num_attention_heads' (4)"],
    ['an odd head', 'llama', { head_dim: 7 }, 'even'],
    ['a head size that norms over all heads cannot have', 'olmoe', { head_dim: 16 }, "'head_dim' is 16"],
    ['a size that is a string', 'llama', { hidden_size: '32' }, `'hidden_size' must be a whole number from 1 up, not "32"`],
    ['a size below 1', 'llama', { num_hidden_layers: 0 }, "'num_hidden_layers' must be a whole number from 1 up, not 0"],
    ['a negative window', 'mixtral', { sliding_window: -4 }, "'sliding_window' must be"],
    ['a flag that is a number', 'llama', { tie_word_embeddings: 1 }, "'tie_word_embeddings' must be true or false, not 1"],
  ]
  test.each(refusals)('%s', (_, name, change, message) => {
    expect(messageOf({ ...configOf(name), ...change })).toContain(message)
  })

  test.each(['vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads', 'rms_norm_eps', 'num_local_experts', 'num_experts_per_tok'])(
    'a config without %s',
    (field) => expect(messageOf(without(configOf('mixtral'), field))).toContain(`'${field}' is missing`),
  )

  test('all problems are told at once, each once', () => {
    const message = messageOf({ ...configOf('mixtral'), hidden_size: null, hidden_act: 'relu', num_local_experts: 'eight' })
    expect(message.split('\n')).toEqual(['3 reasons against it', expect.any(String), expect.any(String), expect.any(String)])
  })

  test.each([[null], [[]], ['{}'], [{}], [{ model_type: 3 }], [{ model_type: 'gpt2' }], [{ model_type: 'constructor' }]])('%j', (config) => {
    expect(importModel(config).kind).toBe('unsupported')
  })

  test('whatever is in it, a config is answered and never thrown at', () => {
    const names = [...new Set(fixtures.flatMap((name) => Object.keys(configOf(name))))]
    const broken = fc.record({
      name: fc.constantFrom(...fixtures),
      change: fc.dictionary(fc.constantFrom(...names), fc.jsonValue()),
    })
    fc.assert(
      fc.property(broken, ({ name, change }) => {
        const imported = importModel({ ...configOf(name), ...change })
        if (imported.kind === 'spec') expect(framed(checkSource({ path: 'imported.smoe', text: imported.spec }).diagnostics)).toBe('')
        else expect(imported.message).not.toBe('')
      }),
      { numRuns: 100 },
    )
  })
})
