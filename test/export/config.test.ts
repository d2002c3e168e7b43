import { expect, test } from 'vitest'
import { fieldOf, setField, withDtype, withoutCodes, type Config } from '../../cli/export/config.ts'

const start = (config: Config): { readonly config: Config; readonly changes: readonly [] } => ({ config, changes: [] })

test('a field is set where it stands, by any of its names, and in the group that counts', () => {
  expect(setField(start({ num_experts: 8, a: 1 }), 'mixtral', 'num_local_experts', 6).config).toEqual({ num_experts: 6, a: 1 })
  expect(setField(start({ text_config: { num_experts: 8 } }), 'gemma4', 'num_experts', 6).config).toEqual({
    text_config: { num_experts: 6 },
  })
  expect(setField(start({ ffn_config: { moe_num_experts: 8 } }), 'dbrx', 'ffn_config.moe_num_experts', 6)).toEqual({
    config: { ffn_config: { moe_num_experts: 6 } },
    changes: [{ path: ['ffn_config', 'moe_num_experts'], from: 8, value: 6, isReal: false }],
  })
  expect(setField(start({}), 'llama', 'rms_norm_eps', 1, true).changes).toEqual([
    { path: ['rms_norm_eps'], from: undefined, value: 1, isReal: true },
  ])
})

test('what is as it was is no change', () => {
  expect(setField(start({ num_local_experts: 8 }), 'mixtral', 'num_local_experts', 8).changes).toEqual([])
  expect(withoutCodes(start({ a: 1 }), 'mixtral').changes).toEqual([])
})

test('the dtype has the name that the config has for it', () => {
  expect(withDtype(start({ torch_dtype: 'float16' }), 'llama', 'BF16').config).toEqual({ torch_dtype: 'bfloat16' })
  expect(withDtype(start({}), 'llama', 'F32').config).toEqual({ dtype: 'float32' })
  expect(withDtype(start({ dtype: 'a', text_config: { dtype: 'b' } }), 'gemma4', 'F16').config).toEqual({
    dtype: 'float16',
    text_config: { dtype: 'float16' },
  })
})

test('a field is that of a parameter where it is its value, and no part of a product', () => {
  const field = (name: string, became: string): { field: string; value: string; became: string; isReal: boolean } => ({
    field: name,
    value: '',
    became,
    isReal: false,
  })
  const fields = [
    field('a', 'the parameter EE'),
    field('b', 'a law; the parameter E: experts'),
    field('c', 'the parameter FS: so many'),
  ]
  expect(['E', 'EE', 'F'].map((name) => fieldOf(name, fields))).toEqual(['b', 'a', null])
})
