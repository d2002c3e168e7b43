import { expect, test } from 'vitest'
import { indexRanges } from '../../compiler/graph/index-ranges.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { liveNodes } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'

test('ids choose among the fewest rows or columns that they are used for, in whatever shape', () => {
  const graph = parse(
    `graph "ids"
%0 = input name "x" : f32[6, 5]
%1 = input name "rows" : i32[4]
%2 = input name "columns" : i32[6]
%3 = take(%0, %1) : f32[4, 5]
%4 = reshape(%2) : i32[6, 1]
%5 = pick(%0, %4) : f32[6, 1]
%6 = take(%3, %1) : f32[4, 5]
output "a" = %6
output "b" = %5
`,
    createBuilder().make,
  )
  const found = [...indexRanges(liveNodes(graph))].map(([{ params }, among]) => [params.name, among.among.key])
  expect(Object.fromEntries(found)).toEqual({ rows: '4', columns: '5' })
})

/** A graph that picks by ids, and what it ignores of each input. */
function ignoredIn(ids: string, more = ''): Readonly<Record<string, readonly [string, number | null]>> {
  const graph = parse(
    `graph "ids"
%0 = input name "x" : f32[6, 5]
%1 = input name "ids" : i32[6]
%2 = input name "other" : i32[6]
%3 = constant values [-100] : i32[]
%4 = broadcast(%3) axes [] : i32[6]
%5 = constant values [0] : i32[]
%6 = broadcast(%5) axes [] : i32[6]
%7 = reshape(%1) : i32[6]
%8 = equal(%7, %4) : bool[6]
%9 = equal(%4, %2) : bool[6]
%10 = not(%8) : bool[6]
%11 = less(%7, %6) : bool[6]
%12 = ${ids} : i32[6]
%13 = reshape(%12) : i32[6, 1]
%14 = pick(%0, %13) : f32[6, 1]
output "a" = %14
${more}`,
    createBuilder().make,
  )
  return Object.fromEntries(
    [...indexRanges(liveNodes(graph))].map(([{ params }, { among, ignored }]) => [params.name, [among.key, ignored]]),
  )
}

test('a number that is replaced before it chooses is ignored', () => {
  expect(ignoredIn('select(%8, %6, %1)')).toEqual({ ids: ['5', -100] })
  expect(ignoredIn('select(%10, %1, %6)')).toEqual({ ids: ['5', -100] })
  expect(ignoredIn('select(%9, %6, %2)')).toEqual({ other: ['5', -100] })
})

test('not where another input is compared, the sides are the other way about, or more than one number is replaced', () => {
  expect(ignoredIn('select(%9, %6, %1)')).toEqual({})
  expect(ignoredIn('select(%8, %1, %6)')).toEqual({})
  expect(ignoredIn('select(%11, %6, %1)')).toEqual({})
})

test('not where another use of the input does not ignore it', () => {
  const more = '%15 = take(%0, %1) : f32[6, 5]\noutput "b" = %15\n'
  expect(ignoredIn('select(%8, %6, %1)', more)).toEqual({ ids: ['5', null] })
})
