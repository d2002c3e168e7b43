/** `step` and `progress` in graphs of training: what they are fed is what the formulas of the text say. */
import { describe, expect, test } from 'vitest'
import { compileTraining } from '../../compiler/train.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'
import type { Model } from '../../compiler/model/model.ts'
import { PROGRESS_INPUTS } from '../../plan/progress-inputs.ts'
import { gapsOf } from '../autodiff/layer-differences.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'
import { load } from '../support/sources.ts'
import { policySpec } from './policy.ts'

const WARMER = `fn warmer(scores: f32[..., N], share: real in 0.0..1.0) -> f32[..., N] {
  return scores / (2.0 - share * progress)
}
`
const spec = (policy: string, training = ''): string => policySpec(policy, training, WARMER)

function modelOf(text: string): Model {
  const { model, diagnostics } = checkSource({ path: 'test/lower/moments.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  return model
}

const graphOf = (text: string, options: LowerOptions = {}): Graph => lower(modelOf(text), options)
const inputs = (graph: Graph): readonly string[] => graph.inputs.map(({ params: { name } }) => name)

const FEEDS = (() => {
  const { inputs, weights } = feedsOf(
    graphOf(spec('  select top k by x @ gate.T\n  weigh pick(x @ gate.T, selected)')),
    { B: 5 },
    { seed: 3 },
  )
  return { weights, inputs: { ...inputs, random: { shape: [2], dtype: 'i32' as const, values: Float64Array.of(1, 2) } } }
})()

function valuesAt(graph: Graph, step: number, progress: number): readonly number[] {
  const scalar = (value: number) => ({ shape: [], dtype: 'f32' as const, values: Float64Array.of(value) })
  const moment = { [PROGRESS_INPUTS.step]: scalar(step), [PROGRESS_INPUTS.progress]: scalar(progress) }
  const all: Feeds['inputs'] = { ...FEEDS.inputs, ...moment }
  const given = Object.fromEntries(inputs(graph).map((name) => [name, all[name]]))
  return [...evaluate(graph, { ...FEEDS, inputs: given }).y.values]
}

const choice = (scores: string): string => `  let p = softmax(${scores})\n  select top k by p\n  weigh pick(p, selected)`
const annealed = (temperature: string): string =>
  spec(`  var t = 1.0\n  when training {\n    t = ${temperature}\n  }\n${choice('x @ gate.T / t')}`)

describe('values', () => {
  test.each([
    ['1.0 - 0.5 * progress', 0, 0.5, '0.75'],
    ['max(0.1, 1.0 - step / 8)', 2, 0, '0.75'],
    ['if progress < 0.5 and step >= 2 then 0.25 else 2', 2, 0.25, '0.25'],
    ['if progress < 0.5 and not (step < 2) then 0.25 else 2', 1, 0.25, '2.0'],
    ['0.5 + floor(step / 10) + step % 10 * 0.25', 11, 0, '1.75'],
    ['exp(-progress)', 0, 1, 'exp(-1.0)'],
    ['1.0 * D * (0.25 + progress)', 0, 0.25, '2.0'],
  ])('t = %s at step %d and progress %d is %s', (temperature, step, progress, value) => {
    const expected = valuesAt(graphOf(spec(choice(`x @ gate.T / ${value}`))), 0, 0)
    expect(valuesAt(graphOf(annealed(temperature), { training: true }), step, progress)).toEqual(
      expected.map((one) => expect.closeTo(one, 12)),
    )
  })

  test('in a fn that training calls, and among elements', () => {
    const found = graphOf(
      spec(
        `  let s = x @ gate.T\n  var seen = s\n  when training {\n    seen = where(s > progress, warmer(s, 0.5), s)\n  }\n${choice('seen')}`,
      ),
      { training: true },
    )
    const wanted = graphOf(spec(choice('where(x @ gate.T > 0.5, x @ gate.T / 1.75, x @ gate.T)')))
    expect(valuesAt(found, 0, 0.5)).toEqual(valuesAt(wanted, 0, 0).map((one) => expect.closeTo(one, 12)))
  })

  test('are fed where they are used, in training alone', () => {
    const text = annealed('1.0 - progress')
    expect(inputs(graphOf(text, { training: true }))).toEqual(['x', PROGRESS_INPUTS.progress])
    expect(inputs(graphOf(text))).toEqual(['x'])
    expect(inputs(graphOf(text, { evaluation: true }))).toEqual(['x'])
    expect(
      inputs(graphOf(annealed('1.0 + step * progress'), { training: true }))
        .slice(1)
        .sort(),
    ).toEqual(Object.values(PROGRESS_INPUTS).sort())
  })

  test('a name of the text goes before: a parameter called step', () => {
    const text = spec(choice('x @ gate.T'))
      .replace('k: int in 1..E = 2', 'k: int in 1..E = 2, step: real = 0.5')
      .replace('x @ gate.T', 'x @ gate.T * step')
    expect(valuesAt(graphOf(text), 0, 0)).toEqual(valuesAt(graphOf(spec(choice('x @ gate.T * 0.5'))), 0, 0))
  })

  test('the amount of noise may change, and does nothing at inference', () => {
    const text = spec(choice('noisy(dropout(x, 0.5 * progress), 1.0 - progress) @ gate.T'))
    expect(inputs(graphOf(text))).toEqual(['x'])
    const graph = graphOf(text, { training: true })
    expect(inputs(graph)).toEqual(['x', PROGRESS_INPUTS.progress, 'random'])
    expect(valuesAt(graph, 0, 0)).not.toEqual(valuesAt(graph, 0, 1))
  })
})

const TRAIN = `  train {
    loss size = (1.0 - 0.5 * progress) * mean(mean(y * y))
    metric share = progress + 0.0
    optimiser sgd(rate = 0.1)
    batch B = 3
    steps 5
  }
`
const LOSSES = '    loss spread = progress * sum(mean(softmax(x @ gate.T / t), axis = 0) * mean(x @ gate.T, axis = 0))\n'

test('gradients through annealed temperatures agree with finite differences', () => {
  const text = spec(
    `  var t = 1.0\n  when training {\n    t = 1.0 - 0.5 * progress\n${LOSSES}  }\n${choice('x @ gate.T / t')}`,
    TRAIN,
  )
  const graph = graphOf(text, { training: true })
  const gaps = Array.from({ length: 20 }, (_, seed) => seed + 1)
    .map((seed) => gapsOf(graph, ['loss.size', 'loss.moe.router.spread'], feedsOf(graph, { B: 3 }, { seed })))
    .find((one) => one !== null)!
  expect(gaps.map(({ loss }) => loss)).toEqual(['loss.size', 'loss.moe.router.spread'])
  for (const { miss, worst, reached } of gaps) {
    expect(miss, worst).toBeLessThan(1e-6)
    expect(reached).toContain('moe.router.gate')
  }
})

test('a rate that changes is a formula of the recipe, with numbers in the place of parameters', () => {
  const policy = `  when training at start * (1.0 - progress) after 0.25, all layers together {\n    loss a = mean(mean(x))\n  }\n${choice('x @ gate.T')}`
  const text = spec(policy, TRAIN).replace('k: int in 1..E = 2', 'k: int in 1..E = 2, start: real in 0.0..1.0 = 0.2')
  const { graphs, diagnostics } = compileTraining({ path: 'm.smoe', text }, { load })
  if (graphs === null) throw new Error(framed(diagnostics))
  expect(graphs.recipe.layers).toMatchObject([
    { layer: 'moe', competition: { rate: ['*', 0.2, ['-', 1, 'progress']], after: 0.25, atMost: null, together: true } },
  ])
  expect(graphs.recipe.inputs.map(({ name }) => name)).toEqual(['x'])
  expect(JSON.parse(JSON.stringify(graphs.recipe))).toEqual(graphs.recipe)
})
