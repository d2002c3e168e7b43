/** What transformers is given to load: an exported folder, and the logits that it must have. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { supportedModelTypes } from '../../cli/import/table.ts'
import { CASES, writeCase } from '../../scripts/exports/cases.ts'
import { IN_LONG_ALONE } from '../support/runs.ts'
import { readSafetensors } from '../support/safetensors.ts'

test('every decoder of the table is exported from both layouts that it has, and GGUF files are', () => {
  const names = CASES.map(({ name }) => name)
  expect(supportedModelTypes.filter((type) => !names.includes(type))).toEqual(['nomic_bert'])
  expect(names.filter((name) => name.endsWith('.gguf')).length).toBeGreaterThanOrEqual(20)
  expect(new Set(names).size).toBe(names.length)
})

test('beside an export stand tokens and their logits', IN_LONG_ALONE, async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'smoe-exports-')), 'llama')
  onTestFinished(() => rmSync(join(folder, '..'), { recursive: true }))
  await writeCase(
    CASES.find(({ name }) => name === 'llama')!,
    folder,
  )
  const { input_ids: ids, logits } = readSafetensors(join(folder, 'expected.safetensors'))
  expect(logits.shape).toEqual([
    ...ids.shape,
    readSafetensors(join(folder, 'model/model.safetensors'))['lm_head.weight'].shape[0],
  ])
  expect(new Set(logits.values).size).toBeGreaterThan(100)
})
