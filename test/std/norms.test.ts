/** Norms of the library: what they compute, which weights they have and how these begin. */
import { describe, expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { recipeOf } from '../../compiler/recipe.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'

function modelOf(expression: string): Model {
  const text = `import { layer_norm, rms_norm } from "std/blocks/norm"
model m(D: int = 3) {
  input x: f32[2, D]
  output y = ${expression}
  train {
    loss size = mean(mean(y * y))
    optimiser sgd(rate = 0.1)
  }
}
`
  const { model, diagnostics } = checkSource({ path: 'test/std/norms.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  return model
}

const X = [0.5, -1, 2, 3, 0, -0.25]
const WEIGHT = [0.5, -1, 2]
const BIAS = [1, 2, -3]

const tensor = (shape: readonly number[], values: readonly number[]): HostTensor =>
  hostTensor(shape, 'f32', Float64Array.from(values))

function computed(expression: string, label: string): readonly number[] {
  const graph = lower(modelOf(expression))
  const weights = { [`${label}.weight`]: tensor([3], WEIGHT), [`${label}.bias`]: tensor([3], BIAS) }
  return [...evaluate(graph, { inputs: { x: tensor([2, 3], X) }, weights }).y.values]
}

const begins = (expression: string): Readonly<Record<string, string>> =>
  Object.fromEntries(recipeOf(modelOf(expression))!.weights.map(({ name, initialiser }) => [name, initialiser.kind]))

const mean = (row: readonly number[]): number => row.reduce((sum, value) => sum + value, 0) / row.length
const rows = [X.slice(0, 3), X.slice(3)]
const scaled = (row: readonly number[]): readonly number[] =>
  row.map((value) => value / Math.sqrt(mean(row.map((one) => one * one)) + 1e-5))
const centred = (row: readonly number[]): readonly number[] => row.map((value) => value - mean(row))

const expectNear = (got: readonly number[], wanted: readonly number[]): void => {
  expect(got.length).toBe(wanted.length)
  got.forEach((value, at) => expect(value).toBeCloseTo(wanted[at], 10))
}

describe('rms_norm', () => {
  test('scales by the weight, which begins at 1', () => {
    expectNear(
      computed('rms_norm(x)', 'rms_norm'),
      rows.flatMap((row) => scaled(row).map((value, i) => value * WEIGHT[i])),
    )
    expect(begins('rms_norm(x)')).toEqual({ 'rms_norm.weight': 'ones' })
    expect(begins('rms_norm(x, unit_offset = false)')).toEqual({ 'rms_norm.weight': 'ones' })
  })
  test('with a unit offset scales by 1 + weight, which begins at 0', () => {
    expectNear(
      computed('rms_norm(x, unit_offset = true)', 'rms_norm'),
      rows.flatMap((row) => scaled(row).map((value, i) => value * (1 + WEIGHT[i]))),
    )
    expect(begins('rms_norm(x, unit_offset = true)')).toEqual({ 'rms_norm.weight': 'zeros' })
  })
})

describe('layer_norm', () => {
  const plain = rows.flatMap((row) => scaled(centred(row)).map((value, i) => value * WEIGHT[i]))

  test('has a shift', () => {
    expectNear(
      computed('layer_norm(x)', 'layer_norm'),
      plain.map((value, at) => value + BIAS[at % 3]),
    )
    expect(begins('layer_norm(x)')).toEqual({ 'layer_norm.weight': 'ones', 'layer_norm.bias': 'zeros' })
  })
  test('has no weight for the shift where there is none', () => {
    expectNear(computed('layer_norm(x, biases = false) as norm', 'norm'), plain)
    expect(begins('layer_norm(x, biases = false) as norm')).toEqual({ 'norm.weight': 'ones' })
  })
})

test('a unit offset that differs from layer to layer begins each layer as that layer has it', () => {
  const text = `import { rms_norm } from "std/blocks/norm"
model m(D: int = 3) {
  input x: f32[2, D]
  var h = x
  repeat layers[i] in 0..3 {
    h = rms_norm(h, unit_offset = i == 1) as norm
  }
  output y = h
  train {
    loss size = mean(mean(y * y))
    optimiser sgd(rate = 0.1)
  }
}
`
  const { model, diagnostics } = checkSource({ path: 'test/std/offsets.smoe', text })
  expect(framed(diagnostics)).toBe('')
  expect(recipeOf(model!)!.weights.map(({ initialiser }) => initialiser.kind)).toEqual(['ones', 'zeros', 'ones'])
})
