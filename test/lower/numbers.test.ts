/** Lists of numbers and omitted tensors as nodes, and layers that differ by the index of their repeat. */
import { describe, expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { recipeOf } from '../../compiler/recipe.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'
import { weightNodes } from '../support/weights.ts'

function modelOf(text: string): Model {
  const { model, diagnostics } = checkSource({ path: 'test/lower/numbers.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  return model
}

const SCALED = `fn scaled(x: f32[B, D], half: int = D / 2, by: f32[half] = cast(iota(half), "f32"), shift: f32[] = 10.0) -> f32[B, half] {
  return x[:, 0:half] * by + shift
}
`
const valueOf = (expression: string): readonly number[] => {
  const model = modelOf(`${SCALED}model m(D: int = 4, L: int = 2) {\n  input x: f32[B, D]\n  ${expression}\n}`)
  const x = hostTensor([1, 4], 'f32', Float64Array.of(1, 2, 3, 4))
  return [...evaluate(lower(model), { inputs: { x }, weights: {} }).y.values]
}

describe('an omitted tensor', () => {
  test('is its default, over the sizes and numbers of the call', () => {
    expect(valueOf('output y = scaled(x)')).toEqual([10, 12])
    expect(valueOf('output y = scaled(x, half = 3)')).toEqual([10, 12, 16])
  })
  test('that is given has its value', () => {
    expect(valueOf('output y = scaled(x, shift = 1.0, by = x[0, 0:D / 2])')).toEqual([2, 5])
  })
})

describe('a list of numbers', () => {
  test('is a tensor of one axis', () => expect(valueOf('output y = scaled(x, by = [0.5, -3], shift = 0)')).toEqual([0.5, -6]))
  test('may depend on the index of a repeat', () => {
    const body =
      'var h = scaled(x, shift = 0)\n  repeat l[i] in 0..L {\n    h = h + scaled(x, by = [i, 2 * i + 1], shift = 0)\n  }'
    expect(valueOf(`${body}\n  output y = h`)).toEqual([1, 10])
  })
})

test('a layer has the weights of the branch that its index takes, and no others', () => {
  const model = modelOf(`import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"
import { attention } from "std/blocks/attention"
model m(D: int = 4, L: int = 4) {
  input x: f32[B, S, D]
  var h = x
  repeat layers[i] in 0..L {
    h = h + attention(h, heads = 1, window = if i % 2 == 0 then 2 else 0, rotary = i != 3, sinks = i == 2)
    h = h + (if i < 1 then swiglu(h, F = 3) as mlp else moe(h) {
      experts 2 of swiglu(F = 2)
      route top_k(k = 1)
    })
  }
  output y: f32[B, S, D] = h
  train {
    loss size = mean(mean(mean(y * y)))
    optimiser sgd(rate = 0.1)
    batch B = 2, S = 4
  }
  weights {
    layers.{i}.mlp.gate = "blocks.{i}.dense.weight"
    layers.{i}.attention.sink = "blocks.{i}.sinks"
  }
}`)
  const nodes = weightNodes(lower(model)).map(({ params }) => params)
  const names = nodes.map(({ name }) => name)
  const matching = (pattern: RegExp): readonly string[] => names.filter((name) => pattern.test(name)).sort()
  expect(matching(/mlp/)).toEqual(['layers.0.mlp.down', 'layers.0.mlp.gate', 'layers.0.mlp.up'])
  expect(matching(/router/)).toEqual([1, 2, 3].map((i) => `layers.${i}.moe.router.gate`))
  expect(matching(/sink/)).toEqual(['layers.2.attention.sink'])
  expect(nodes.find(({ name }) => name === 'layers.0.mlp.gate')!.source.pieces[0].tensor).toBe('blocks.0.dense.weight')
  const { weights } = recipeOf(model)!
  expect(weights.map(({ name }) => name).sort()).toEqual([...names].sort())
})
