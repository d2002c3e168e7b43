import { expect, test } from 'vitest'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { problemsOf } from './vectors.ts'

const tensor = (shape: readonly number[], ...values: number[]): HostTensor => ({
  shape,
  dtype: 'f32',
  values: Float64Array.from(values),
})

const check = { expected: { routes: { selected: 'idx', weights: 'w', scores: 's' }, y: 'y' } }
const vectors = {
  idx: tensor([2, 2], 0, 1, 2, 1),
  w: tensor([2, 2], 0.75, 0.25, 0.5, 0.5),
  s: tensor([2, 3], 3, 2, 1, 1, 2, 3),
  y: tensor([2, 1], 7, 8),
}
const right = {
  'moe.selected': tensor([2, 2], 1, 0, 2, 1),
  'moe.weights': tensor([2, 2], 0.25, 0.75, 0.5, 0.5),
  y: tensor([2, 1], 7, 8.000009),
}

test('the order of experts within a token is free', () => expect(problemsOf(right, vectors, check)).toEqual([]))

test.each([
  ['another expert', { ...right, 'moe.selected': tensor([2, 2], 1, 2, 2, 1) }, 'token 0 goes to 1, 2, expected 0, 1'],
  ['one expert twice', { ...right, 'moe.selected': tensor([2, 2], 1, 1, 2, 1) }, 'token 0 goes to 1, 1, expected 0, 1'],
  [
    'weights of the wrong expert',
    { ...right, 'moe.weights': tensor([2, 2], 0.75, 0.25, 0.5, 0.5) },
    'the weights of token 0 are off by 0.5',
  ],
  [
    'a weight that is none',
    { ...right, 'moe.weights': tensor([2, 2], NaN, 0.75, 0.5, 0.5) },
    'the weights of token 0 are off by NaN',
  ],
  ['an answer that is none', { ...right, y: tensor([2, 1], 7, NaN) }, 'the answer to token 1 is off by NaN'],
  ['another answer', { ...right, y: tensor([2, 1], 7, 8.5) }, 'the answer to token 1 is off by 0.5'],
  ['tokens that lack', { ...right, y: tensor([3, 1], 7, 8, 9) }, 'there are 3 tokens, 2 expected'],
])('%s is seen', (_, outputs, problem) => expect(problemsOf(outputs, vectors, check)).toEqual([problem]))

test('a token whose scores tie may go either way', () => {
  const close = { ...vectors, s: tensor([2, 3], 3, 2, 2.0000001, 1, 2, 3) }
  expect(problemsOf({ ...right, 'moe.selected': tensor([2, 2], 0, 2, 2, 1), y: tensor([2, 1], 0, 8) }, close, check)).toEqual([])
})

test('a check may ask for less', () =>
  expect(problemsOf({ ...right, y: tensor([2, 1], 7, 8.5) }, vectors, { ...check, within: 0.5 })).toEqual([]))

test('a loss is held against what it should be', () => {
  const losses = { balance: () => 2 }
  expect(problemsOf({ ...right, balance: tensor([], 2) }, vectors, { expected: { losses } })).toEqual([])
  expect(problemsOf({ ...right, balance: tensor([], NaN) }, vectors, { expected: { losses } })).toEqual(['balance is off by NaN'])
})
