import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importModel, listedReasons } from '../../cli/import/import.ts'
import { root } from '../support/sources.ts'

test('several reasons have a line each', () => {
  expect(listedReasons(['a'])).toBe('a')
  expect(listedReasons(['a', 'b'])).toBe('2 reasons against it\n  a\n  b')
})

test('a lone surrogate in the name of a field is replaced', () => {
  expect(listedReasons(["'\ud800x' is unknown", '😀'])).toBe("2 reasons against it\n  '\ufffdx' is unknown\n  😀")
})

test.each<readonly [string, Readonly<Record<string, unknown>>, string]>([
  ['mistral', { hidden_size: 20, head_dim: null }, "'hidden_size' by 'num_attention_heads'"],
  ['qwen3', { head_dim: 5 }, "'head_dim'"],
  ['glm4_moe', { head_dim: 6 }, "'head_dim', times 'partial_rotary_factor'"],
  [
    'minimax_m2',
    { rotary_dim: 3, partial_rotary_factor: undefined, rope_parameters: { rope_type: 'default', rope_theta: 1e4 } },
    "'rotary_dim'",
  ],
  ['dbrx', { d_model: 20 }, "'d_model' by 'n_heads'"],
  ['deepseek_v3', { qk_rope_head_dim: 3 }, "'qk_rope_head_dim' must be even"],
  ['jetmoe', { kv_channels: 3 }, "'kv_channels' must be even"],
])('channels of %s with %j that cannot be rotated are refused by their fields', (type, change, fields) => {
  const config = JSON.parse(readFileSync(join(root, 'test/fixtures/architectures', type, 'config.json'), 'utf8')) as object
  const imported = importModel({ ...config, ...change })
  expect(imported.kind === 'unsupported' ? imported.message : '').toContain(fields)
  expect(imported.kind === 'unsupported' ? imported.message : '').toContain('cannot be rotated in pairs')
})
