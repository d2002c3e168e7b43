import { expect, it } from 'vitest'
import { zeroGradientWarnings } from '../../compiler/zero-gradient-warnings.ts'
import { codes } from '../../grammar/codes.ts'
import { checkSource } from '../support/check.ts'

const warned = (text: string): readonly string[] =>
  zeroGradientWarnings(checkSource({ path: 'm.smoe', text }).model!).map(({ code, message }) => `${code} ${message}`)

it('the example of its code', () => {
  expect(warned(codes.SMOE7002.example)).toEqual([
    expect.stringMatching(/^SMOE7002 the gradient of moe\.router\.gate is always 0: /),
  ])
})

it('nothing for a model that is not trained', () => {
  expect(warned('model m(D: int = 2) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n}\n')).toEqual([])
})
