/** Scores of a gating kernel: which targets split the K axis of a matmul of few rows over threads. */
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { CPU, PORTABLE } from '../../../plan/target.ts'
import { load, read, root } from '../../support/sources.ts'

it.each([
  ['cpu', CPU, false],
  ['portable', PORTABLE, true],
] as const)('%s', (_, target, isSplit) => {
  const { programs } = compile(read(join(root, 'examples/01-first-routed-layer.smoe')), { load, target })
  const { schedule } = programs.find(({ name }) => name === 'decode')!
  const gate = schedule.kernels.find(({ template }) => template === 'gate')!
  if (gate.computation.kind !== 'workgroups') throw new Error('a gate is no matmul')
  expect(gate.computation.shared.some(({ name }) => name.startsWith('partial'))).toBe(isSplit)
  expect(gate.reason.includes('the K axis of each matmul is split')).toBe(isSplit)
})
