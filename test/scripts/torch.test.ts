import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CASES } from '../../scripts/torch/cases.ts'
import { CHECKPOINTS, writeCheckpoint } from '../../scripts/torch/checkpoints.ts'
import { writeTruth } from '../../scripts/torch/truth.ts'
import { IN_LONG_ALONE } from '../support/runs.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { modelOf } from '../torch/text.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'smoe-torch-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

test('a checkpoint is exported as a command does, with the logits of its spec', IN_LONG_ALONE, async () => {
  const there = join(folder(), 'llama')
  await writeCheckpoint(
    CHECKPOINTS.find((name) => name.endsWith('checkpoints/llama'))!,
    there,
  )
  const tensors = readSafetensors(join(there, 'case.safetensors'))
  expect(tensors['inference/logits'].shape.slice(0, 2)).toEqual(tensors['input/tokens'].shape)
})

test('a case has every form of its policy: losses and gradients of each', () => {
  const there = folder()
  const { text, ...sizes } = CASES.find(({ name }) => name.includes('competition_v1'))!
  writeTruth(there, modelOf(text), sizes)
  const tensors = readSafetensors(join(there, 'case.safetensors'))
  const names = Object.keys(tensors)
  expect(names).toContain('inference/y')
  expect(names.filter((name) => name.includes('distil'))).toEqual(['competing/loss.moe.router.distil'])
  for (const form of ['training', 'competing']) expect(names).toContain(`${form}/gradient.moe.router.gate`)
  expect(readFileSync(join(there, 'model.py'), 'utf8')).toContain('class CompetitionV1(nn.Module):')
})
