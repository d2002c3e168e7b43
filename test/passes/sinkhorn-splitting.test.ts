import { expect, it } from 'vitest'
import { print } from '../../compiler/graph/print.ts'
import { verify } from '../../compiler/graph/verify.ts'
import { specOf } from '../../compiler/ops/spec.ts'
import { splitSinkhorn } from '../../compiler/passes/sinkhorn-splitting.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { uniform } from '../support/random.ts'
import { apart, feedsOf, randomProblem, scalingGraph } from '../support/sinkhorn.ts'

const params = { iterations: 2, tolerance: 1e-4 }

it('an open number of rows becomes a step an iteration', () => {
  expect(print(splitSinkhorn(scalingGraph('T', 4, params), {}))).toBe(`graph "scalings"
dim T
%0 = input name "cost" : f32[T, 4]
%1 = input name "rows" : f32[T]
%2 = input name "columns" : f32[4]
%3 = sinkhorn_step(%0, %1, %2) tolerance 0.0001 block 256 : f32[8*floor(T, 256) + 15]
%4 = sinkhorn_step(%0, %1, %2, %3) tolerance 0.0001 block 256 : f32[8*floor(T, 256) + 15]
%5 = sinkhorn_step(%0, %1, %2, %4) tolerance 0.0001 block 256 : f32[8*floor(T, 256) + 15]
%6 = sinkhorn_finish(%2, %5) : f32[6]
output "y" = %6
`)
})

it.each([
  ['T', 4, { when: { dim: 'T', atMost: 100 }, reach: 400 }, true],
  ['T', 4, { when: { dim: 'T', atMost: 100 }, reach: 399 }, false],
  ['T', 4, { when: { dim: 'B', atMost: 1 } }, false],
  ['T', 'E', { when: { dim: 'T', atMost: 1 } }, false],
  [100, 4, { reach: 400 }, true],
  [100, 4, { reach: 399 }, false],
] as const)('%s rows of %s with %o: left to one workgroup is %s', (tokens, columns, options, isSmall) => {
  const after = splitSinkhorn(scalingGraph(tokens, columns, params), options)
  expect(after.outputs[0].node.op).toBe(isSmall ? 'sinkhorn' : 'sinkhorn_finish')
  expect(verify(after, specOf('optimised'))).toEqual([])
})

it.each([0, 1, 5, 256, 600])('%i rows mean the same in steps', (tokens) => {
  const problem = randomProblem(tokens, 3, 1, false, uniform(tokens))
  for (const iterations of [1, 4, 60]) {
    const graph = scalingGraph('T', 3, { iterations, tolerance: 1e-5 })
    const [whole, steps] = [graph, splitSinkhorn(graph, {})].map((one) => evaluate(one, feedsOf(problem)).y.values)
    expect(apart(steps.subarray(0, 4), whole.subarray(0, 4))).toBeLessThan(1e-9)
    expect(Math.abs(steps[4] - whole[4])).toBeLessThan(1e-9)
  }
})
