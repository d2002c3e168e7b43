/** From a source to its graphs of training. */
import { expect, test } from 'vitest'
import { compileTraining } from '../../compiler/train.ts'
import { codes } from '../../grammar/codes.ts'
import { framed } from '../support/check.ts'
import { load } from '../support/sources.ts'

const compiled = (text: string) => compileTraining({ path: 'example.smoe', text }, { load })

test('what has no gradient is a diagnostic at its place', () => {
  const { diagnostics, graphs } = compiled(codes.SMOE7001.example)
  expect(diagnostics.map(({ code }) => code)).toEqual(['SMOE7001'])
  expect(framed(diagnostics)).toContain('svd_values(w)')
  expect(graphs).toBeNull()
})

test('also where only a competition step needs it', () => {
  const policy = `policy compete(k: int in 1..E = 1) {
  param gate: f32[E, D]
  let score = x @ gate.T
  when training at 0.5 {
    select top k by score
    loss odd = sum(svd_values(gate))
  } else {
    select top k by score
  }
  weigh pick(score, selected)
}
`
  const model = `model m(D: int = 4, E: int = 4) {
  input x: f32[N, D]
  output y = moe(x) {
    experts E of gelu_mlp(F = 3)
    route compete(k = 1)
  }
  train {
    loss size = mean(mean(y * y))
    optimiser sgd(rate = 0.1)
    batch N = 2
  }
}`
  const { diagnostics, graphs } = compiled(`import { gelu_mlp } from "std/experts/gelu_mlp"\n${policy}${model}`)
  expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['SMOE7001', 'error']])
  expect(graphs).toBeNull()
})

test('through stop it is no matter', () => {
  const { diagnostics, graphs } = compiled(
    codes.SMOE7001.example.replace('sum(svd_values(w))', 'mean(mean(y * y)) + sum(svd_values(stop(w)))'),
  )
  expect(diagnostics).toEqual([])
  expect(graphs?.recipe.losses).toEqual(['loss.rank'])
})
