/** Router KD of a published architecture beside torch, and the gradients of the weights that learn beside those of all. */
import { expect, test } from 'vitest'
import { withTrainBlock } from '../../cli/training/block.ts'
import { compileTraining, type TrainingGraphs } from '../../compiler/train.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { parse } from '../../grammar/parse.ts'
import { checkSource, framed } from '../support/check.ts'
import { openCheckpoint, type Checkpoint } from '../support/checkpoints.ts'
import { relativeError } from '../support/compare.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { load } from '../support/sources.ts'
import { weightsOf } from '../support/weights.ts'

const checkpoint = openCheckpoint('test/fixtures/checkpoints/olmoe')
const fixture = readSafetensors('test/fixtures/training/router-kd.safetensors')

function graphsOf({ spec, reference }: Checkpoint, learn: readonly string[]): TrainingGraphs {
  const { model } = checkSource(spec)
  const [batch, context] = reference.input_ids.shape
  const settings = { learn, hasTeacher: true, temperature: 2, rate: 0.01, batch, context }
  const { graphs, diagnostics } = compileTraining(withTrainBlock(spec, parse(spec).file, model!, settings), { load })
  if (graphs === null) throw new Error(framed(diagnostics))
  return graphs
}

function gradientsOf(learn: readonly string[]): Readonly<Record<string, HostTensor>> {
  const tokens = checkpoint.reference.input_ids
  const graph = graphsOf(checkpoint, learn).step([], true)
  const moment = Object.fromEntries(
    graph.inputs
      .filter(({ params: { name } }) => !['tokens', 'targets', 'teacher'].includes(name))
      .map(({ params: { name } }) => [name, hostTensor([], 'f32', Float64Array.of(0))]),
  )
  const inputs = { ...moment, tokens, targets: tokens, teacher: fixture.teacher }
  return evaluate(graph, { inputs, weights: weightsOf(graph, checkpoint.tensors) })
}

const named = (results: Readonly<Record<string, HostTensor>>): readonly string[] =>
  Object.keys(results).filter((name) => name.startsWith('gradient.'))

test('of routers alone the loss and the gradients are those of torch', () => {
  const results = gradientsOf(['router'])
  expect(relativeError(results['loss.distilled'].values, fixture.loss.values)).toBeLessThan(1e-6)
  expect(named(results)).toEqual(['gradient.layers.0.moe.router.gate', 'gradient.layers.1.moe.router.gate'])
  for (const layer of [0, 1])
    expect(
      relativeError(
        results[`gradient.layers.${layer}.moe.router.gate`].values,
        fixture[`gradient.model.layers.${layer}.mlp.gate.weight`].values,
      ),
    ).toBeLessThan(2e-6)
})

test('what learns alone has the gradients that it has among all weights, to the bit', () => {
  const all = gradientsOf([])
  expect(named(all).length).toBeGreaterThan(20)
  for (const learn of [['router'], ['*_norm.weight'], ['attention', 'layers.1.moe.experts.up']]) {
    const some = gradientsOf(learn)
    expect(named(some).length).toBeGreaterThan(0)
    expect(named(some).length).toBeLessThan(named(all).length)
    for (const name of named(some)) expect(some[name].values, name).toEqual(all[name].values)
  }
})
