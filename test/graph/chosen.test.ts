import { expect, test } from 'vitest'
import { chosenAmong } from '../../compiler/graph/chosen.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { needed } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'

test('ids choose among the fewest rows or columns that they are used for, in whatever shape', () => {
  const graph = parse(`graph "ids"
%0 = input name "x" : f32[6, 5]
%1 = input name "rows" : i32[4]
%2 = input name "columns" : i32[6]
%3 = take(%0, %1) : f32[4, 5]
%4 = reshape(%2) : i32[6, 1]
%5 = pick(%0, %4) : f32[6, 1]
%6 = take(%3, %1) : f32[4, 5]
output "a" = %6
output "b" = %5
`, createBuilder().make)
  const found = [...chosenAmong(needed(graph))].map(([{ params }, among]) => [params.name, among.key])
  expect(Object.fromEntries(found)).toEqual({ rows: '4', columns: '5' })
})
