import { expect, it } from 'vitest'
import { parse } from '../../compiler/graph/parse.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { evaluateOn, type Weights } from '../../compiler/reference/replace.ts'
import { tensorOf } from '../../compiler/reference/tensor.ts'

const graph = parse(
  `graph "g"
%0 = weight name "w" source ["w"] doc "" : f32[2]
%1 = weight name "m" source [] doc "" : f32[2]
%2 = input name "x" : f32[2]
%3 = add(%1, %2) : f32[2]
%4 = subtract(%0, %3) : f32[2]
%5 = multiply(%0, %1) : f32[2]
output "w" = %4 replaces "w"
output "m" = %3 replaces "m"
output "new" = %0 replaces "before"
output "y" = %5
`,
  createBuilder().make,
)

const pair = (a: number, b: number) => tensorOf([2], 'f32', [a, b])
const shown = (tensors: Iterable<readonly [string, { readonly values: Float64Array }]>) =>
  Object.fromEntries([...tensors].map(([name, { values }]) => [name, [...values]]))

it('replaces all weights at once, gives the rest back, and begins with zeros what no checkpoint has', () => {
  const weights: Weights = new Map([['w', pair(1, 2)]])
  expect(shown(Object.entries(evaluateOn(weights, graph, { x: pair(10, 20) })))).toEqual({ y: [0, 0] })
  expect(shown(weights)).toEqual({ w: [-9, -18], m: [10, 20], before: [1, 2] })
  expect(shown(Object.entries(evaluateOn(weights, graph, { x: pair(1, 1) })))).toEqual({ y: [-90, -360] })
  expect(shown(weights)).toEqual({ w: [-20, -39], m: [11, 21], before: [-9, -18] })
})

it('leaves the weights as they were where an input does not fit', () => {
  const weights: Weights = new Map([['w', pair(1, 2)]])
  expect(() => evaluateOn(weights, graph, {})).toThrow('the input x is missing')
  expect(() => evaluateOn(new Map(), graph, { x: pair(1, 1) })).toThrow('the weight w is missing')
  expect(shown(weights)).toEqual({ w: [1, 2] })
})
