import { expect, test } from 'vitest'
import { alwaysHasExpert, isBatchedByExpert } from '../../compiler/graph/expert-rows.ts'
import type { Node } from '../../compiler/graph/node.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { createBuilder } from '../../compiler/ops/build.ts'

/** The node that a graph of these lines gives out. */
const lastOf = (...lines: readonly string[]): Node =>
  parse(['graph "ids"', 'dim T', ...lines, `output "y" = %${lines.length - 1}`, ''].join('\n'), createBuilder().make).outputs[0]
    .node

const batches = (shape: string, axes: string): Node =>
  lastOf('%0 = iota : i32[4]', `%1 = broadcast(%0) axes [${axes}] : i32[${shape}]`, '%2 = reshape(%1) : i32[4*T]')

test('rows are batched by expert where each expert number is repeated along a second axis', () => {
  expect(isBatchedByExpert(batches('4, T', '0'))).toBe(true)
  expect(isBatchedByExpert(batches('T, 4', '1'))).toBe(false)
})

test('every row of batches and of a top-k has an expert, of an input it may have none', () => {
  expect(alwaysHasExpert(batches('4, T', '0'))).toBe(true)
  expect(alwaysHasExpert(lastOf('%0 = input name "scores" : f32[T, 4]', '%1 = top_k(%0) k 2 : i32[T, 2]'))).toBe(true)
  expect(alwaysHasExpert(lastOf('%0 = input name "ids" : i32[T]'))).toBe(false)
})
