/** Gemma 4's layers and heads where the config does not list them, and the fields that other configs have in their place. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import { root } from '../support/sources.ts'

type Config = Readonly<Record<string, unknown>>

const own = JSON.parse(readFileSync(join(root, 'test/fixtures/architectures/gemma4_text/config.json'), 'utf8')) as Config

/** Without what lists layers one by one. */
function specOf(changes: Config): string {
  const { layer_types: _, per_layer_config: __, ...plain } = own
  const imported = importModel({ ...plain, global_head_dim: 12, num_global_key_value_heads: 1, ...changes })
  if (imported.kind !== 'spec') throw new Error(imported.message)
  return imported.spec
}

test('every sixth layer is full where the config does not say which are', () => {
  expect(specOf({ num_hidden_layers: 12 })).toContain('let full = i % 6 == 5\n')
  // the last one always is
  expect(specOf({ num_hidden_layers: 8 })).toContain('let full = i == 5 or i == 7\n')
})

test('full layers have the heads of the global fields', () => {
  const spec = specOf({ num_hidden_layers: 6 })
  expect(spec).toContain('groups = if full then 1 else 2')
  expect(spec).toContain('C = if full then 12 else 8')
  expect(spec).toContain('value = if full then "key" else "own"')
  const plain = specOf({ num_hidden_layers: 6, attention_k_eq_v: false })
  // without shared values the number of groups is that of other layers
  expect(plain).toContain('heads = 4, groups = 2, C = if full then 12 else 8')
})
