import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CASES } from '../../scripts/torch/cases.ts'
import { writeTruth } from '../../scripts/torch/truth.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { modelOf } from '../torch/text.ts'

test('a case has every form of its policy: losses and gradients of each', () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-torch-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { text, ...sizes } = CASES.find(({ name }) => name.includes('competition_v1'))!
  writeTruth(folder, modelOf(text), sizes)
  const tensors = readSafetensors(join(folder, 'case.safetensors'))
  const names = Object.keys(tensors)
  expect(names).toContain('inference/y')
  expect(names.filter((name) => name.includes('distil'))).toEqual(['competing/loss.moe.router.distil'])
  for (const form of ['training', 'competing']) expect(names).toContain(`${form}/gradient.moe.router.gate`)
  expect(readFileSync(join(folder, 'model.py'), 'utf8')).toContain('class CompetitionV1(nn.Module):')
})
