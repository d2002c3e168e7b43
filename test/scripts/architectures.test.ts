/** The comparison of checkpoints says right, WRONG and refused where it should. */
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { linesOf } from '../../scripts/architectures/compare.ts'
import { root } from '../support/sources.ts'

const mistral = join(root, 'test/fixtures/architectures/mistral')

/** A copy of a checkpoint with another config. */
function changed(change: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-architectures-'))
  for (const file of ['model.safetensors', 'reference.safetensors']) copyFileSync(join(mistral, file), join(folder, file))
  const config = JSON.parse(readFileSync(join(mistral, 'config.json'), 'utf8')) as object
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...change }))
  return folder
}

test.each([
  [{}, 'right'],
  [{ sliding_window: 3 }, 'WRONG'],
  [{ vocab_size: 41 }, 'WRONG'],
  [{ hidden_act: 'gelu' }, 'refused'],
] as const)('a checkpoint with %j is %s', (change, verdict) => {
  expect(linesOf(changed(change)).map((line) => line.verdict)).toEqual([verdict])
})
