/** What a target cannot do is told at a place in the spec, in plans of training too. */
import { describe, expect, it } from 'vitest'
import { compile, compileGraph } from '../../compiler/compile.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { compileTraining, TrainingLimitError, trainingPlans } from '../../compiler/train.ts'
import { PORTABLE } from '../../plan/target.ts'
import { dim } from '../../plan/dim.ts'
import { positionAt } from '../../grammar/source.ts'
import { load } from '../support/sources.ts'

const TEXT = `model m(D: int = 4) {
  input x: f32[B, D]
  param w: f32[D, D]
  output y = x @ w.T
  train {
    loss size = mean(mean(y * y))
    optimiser adamw(rate = 0.1)
    clip 1.0
    batch B = 2
  }
}
`

describe('a limit of the target', () => {
  it.each(['step', 'update', 'evaluation'] as const)('stands in the spec where the plan of the %s meets it', (which) => {
    const { graphs } = compileTraining({ path: 'm.smoe', text: TEXT }, { load })
    const plans = trainingPlans(graphs!, { ...PORTABLE, maxStorageBuffers: 1 })
    const make = { step: () => plans.step([], true), update: () => plans.update(), evaluation: () => plans.evaluation() }[which]
    const problem = (() => {
      try {
        make()
      } catch (error) {
        return error
      }
      return null
    })()
    expect(problem).toBeInstanceOf(TrainingLimitError)
    const [{ code, span }] = (problem as TrainingLimitError).diagnostics
    expect(code).toBe('SMOE6001')
    expect(span.source.path).toBe('m.smoe')
    // nothing but the block asks for an update
    if (which === 'update') expect(positionAt(span.source, span.start)).toEqual({ line: 5, column: 3 })
  })
})

it('a size that no number holds exactly is told too, wherever it comes up', () => {
  const builder = createBuilder()
  const side = dim(2 ** 31 - 1)
  const input = builder.make('input', [], { name: 'x', dtype: 'f32', shape: [side, side, side] }, NO_ORIGIN)
  const node = builder.make('exp', [input], {}, NO_ORIGIN)
  const graph = { name: 'm', doc: '', dims: [], docs: {}, inputs: [input], outputs: [{ name: 'y', node, doc: '' }] }
  const place = { source: { path: 'm.smoe', text: 'model' }, start: 0, end: 5 }
  const { plan, diagnostics } = compileGraph(graph as never, PORTABLE, {}, place)
  expect(plan).toBeNull()
  expect(diagnostics).toMatchObject([{ code: 'SMOE4006', span: place }])
})

it('positions that take more than a buffer are told where they are kept', () => {
  const text = `import { attention } from "std/blocks/attention"
model m() {
  input x: f32[B, S, 8]
  output y = attention(x, heads = 2) as attention
}`
  const state = { sequences: 1, longest: 2 ** 26 }
  const { plan, diagnostics } = compile({ path: 'm.smoe', text }, { load, target: PORTABLE, state })
  expect(plan).toBeNull()
  expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
    'SMOE6007 67108864 positions of 1 sequences are kept in attention, which takes more than the 128 MiB of a buffer of portable',
  ])
})
