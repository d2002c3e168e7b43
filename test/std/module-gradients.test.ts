/** Gradients of the library's blocks, routers and experts along random directions, beside central differences in f64. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { weightsOf } from '../support/weights.ts'
import { modules, textOf } from './modules.ts'

/** Each way through the blocks once. */
const NAMES = [
  'rope-yarn',
  'interleaved',
  'sinks',
  'soft-cap',
  'shared-values',
  'latent-v3',
  'mixture-of-attention',
  'short-convolution',
  'experts-lfm2',
  'experts-phimoe',
  'experts-dbrx',
  'experts-gemma4',
]

const TRAIN = `  train {
    loss size = mean(mean(mean(y * y)))
    optimiser sgd(rate = 0.1)
    batch B = 2, S = 11
  }
`
const STEP = 1e-4

const directionOf = (seed: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => Math.sin(1 + 3.7 * at + seed))

test.each(NAMES)('%s', (name) => {
  const module = modules.find((one) => one.name === name)!
  const text = textOf(module).replace('  weights {', `${TRAIN}  weights {`)
  const { model, diagnostics } = checkSource({ path: `${name}.smoe`, text })
  if (model === null) throw new Error(framed(diagnostics))
  const graph = lower(model, { training: true })
  const tensors = readSafetensors(join(root, 'test/fixtures/std', `${name}.safetensors`))
  const [inputs, weights] = [{ x: tensors.x }, weightsOf(graph, tensors)]
  const found = evaluate(differentiate(graph), { inputs, weights })
  const lossWith = (changed: Readonly<Record<string, HostTensor>>): number =>
    evaluate(graph, { inputs, weights: { ...weights, ...changed } })['loss.size'].values[0]
  const trained = Object.keys(weights).filter((path) => Object.hasOwn(found, `gradient.${path}`))
  // the bias of a selection learns otherwise
  expect(Object.keys(weights).filter((path) => !trained.includes(path) && path !== 'moe.router.bias')).toEqual([])
  trained.forEach((path, seed) => {
    const weight = weights[path]
    const direction = directionOf(seed, weight.values.length)
    const moved = (step: number): HostTensor => ({
      ...weight,
      values: weight.values.map((value, at) => value + step * direction[at]),
    })
    const difference = (lossWith({ [path]: moved(STEP) }) - lossWith({ [path]: moved(-STEP) })) / (2 * STEP)
    const gradient = found[`gradient.${path}`].values.reduce((sum, value, at) => sum + value * direction[at], 0)
    expect(Math.abs(gradient - difference), path).toBeLessThan(1e-6 * Math.max(1, Math.abs(difference)))
  })
})
