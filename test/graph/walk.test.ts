import { expect, it } from 'vitest'
import { parse } from '../../compiler/graph/parse.ts'
import { usersOf, lastUsers, nodesOf, reachable, useCounts } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'

const graph = parse(
  `graph "g"
%0 = input name "x" : f32[2]
%1 = input name "unused" : f32[2]
%2 = exp(%0) : f32[2]
%3 = multiply(%2, %2) : f32[2]
%4 = add(%2, %0) : f32[2]
%5 = sin(%4) : f32[2]
output "y" = %3
output "z" = %4
`,
  createBuilder().make,
)

const ids = (nodes: Iterable<{ readonly id: number }>): number[] => [...nodes].map(({ id }) => id)
const [x, unused, e, m, a] = nodesOf(graph)

it('holds what outputs need, and every input', () => expect(ids(nodesOf(graph))).toEqual([0, 1, 2, 3, 4]))

it('reaches operands first', () => expect(ids(reachable([m, x]))).toEqual([0, 2, 3]))

it('knows users once each', () => {
  const users = usersOf(graph)
  expect([x, unused, e, m, a].map((node) => ids(users.get(node)!))).toEqual([[2, 4], [], [3, 4], [], []])
})

it('counts operands and outputs', () => {
  const counts = useCounts(graph)
  expect([x, unused, e, m, a].map((node) => counts.get(node) ?? 0)).toEqual([2, 0, 3, 1, 1])
})

it('knows the last user; an output has none', () => {
  const last = lastUsers(graph)
  expect([x, e, m, a].map((node) => last.get(node)?.id)).toEqual([4, 4, undefined, undefined])
})
