import { expect, test } from 'vitest'
import { parse } from '../../../compiler/graph/parse.ts'
import { fuse } from '../../../compiler/kernel/fusion/fuse.ts'
import { createBuilder } from '../../../compiler/ops/build.ts'
import { PORTABLE } from '../../../plan/target.ts'

const GRAPH = `graph "late"
%0 = input name "x" : f32[6, 4]
%1 = input name "w" : f32[4, 4]
%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4]
%3 = contract(%1, %1) batch [] over [[1, 1]] : f32[4, 4]
%4 = contract(%3, %1) batch [] over [[1, 1]] : f32[4, 4]
%5 = contract(%0, %3) batch [] over [[1, 1]] : f32[6, 4]
%6 = contract(%5, %1) batch [] over [[1, 1]] : f32[6, 4]
%7 = add(%2, %6) : f32[6, 4]
output "d" = %4
output "y" = %7
`

test('a product whose last member waits for others runs then, and does not draw them before what is due first', () => {
  const graph = parse(GRAPH, createBuilder().make)
  const order = fuse(graph, PORTABLE).groups.map(({ members }) => [...members].map(({ id }) => id))
  const [least] = graph.inputs.map(({ id }) => id)
  expect(order.map((ids) => ids.map((id) => id - least))).toEqual([[3], [4], [5], [6], [2, 7]])
})
