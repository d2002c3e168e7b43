import { expect, test } from 'vitest'
import { boundsOf } from '../../compiler/graph/bounds.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { liveNodes } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { brokenBound } from '../../plan/bounds.ts'

const graphOf = (starts: string, sizes: string, steps: string) =>
  parse(
    `graph "slices"
dim B
%0 = input name "x" : f32[B, 8]
%1 = slice(%0) starts [${starts}, 0] steps [${steps}, 1] : f32[${sizes}, 8]
output "y" = %1
`,
    createBuilder().make,
  )

const brokenFor = (starts: string, sizes: string, steps: string, B: number) =>
  brokenBound(boundsOf(liveNodes(graphOf(starts, sizes, steps))), { B })?.message ?? null

test('a slice that fits every run has no condition', () => {
  expect(boundsOf(liveNodes(graphOf('0', 'B', '1')))).toEqual([])
})

test('a slice leaves its axis by its last index, by its first or by its size', () => {
  expect(brokenFor('5', '5', '1', 10)).toBeNull()
  expect(brokenFor('5', '5', '1', 9)).toBe('the last index, 9, is outside an axis of B, with B = 9')
  expect(brokenFor('0', '3', '4', 9)).toBeNull()
  expect(brokenFor('0', '3', '4', 8)).toBe('the last index, 8, is outside an axis of B, with B = 8')
  expect(brokenFor('B + -2', '2', '1', 2)).toBeNull()
  expect(brokenFor('B + -2', '2', '1', 1)).toBe('the first index, B + -2, is before the axis, with B = 1')
  expect(brokenFor('3', 'B + -3', '1', 3)).toBeNull()
  expect(brokenFor('3', 'B + -3', '1', 2)).toBe('the size B + -3 is below 0, with B = 2')
})
