import { describe, expect, it } from 'vitest'
import type { Node } from '../../../compiler/graph/node.ts'
import { parse } from '../../../compiler/graph/parse.ts'
import { createBuilder } from '../../../compiler/ops/build.ts'
import { behind } from '../../../compiler/passes/attention/labelled.ts'
import { intersection, masksOf } from '../../../compiler/passes/attention/mask.ts'

const QUERY = 3
const KEY = 4

/** A graph's output, of the positions %1 of queries and %2 of keys. */
function outputOf(lines: readonly string[]): Node {
  const text = [
    'graph "mask"',
    '%0 = iota : i32[5]',
    '%1 = broadcast(%0) axes [0] : i32[5, 5]',
    '%2 = broadcast(%0) axes [1] : i32[5, 5]',
    '%3 = constant values [2] : i32[]',
    '%4 = broadcast(%3) axes [] : i32[5, 5]',
    ...lines,
    '',
  ].join('\n')
  return parse(text, createBuilder().make).outputs[0].node
}

const bandsOf = (lines: readonly string[]) => masksOf(outputOf(lines), [QUERY, KEY], KEY)

describe('a comparison of positions is a band', () => {
  it.each([
    ['key <= query', ['%5 = less_equal(%2, %1) : bool[5, 5]', 'output "m" = %5'], { before: Infinity, after: 0 }],
    ['key < query', ['%5 = less(%2, %1) : bool[5, 5]', 'output "m" = %5'], { before: Infinity, after: -1 }],
    [
      'query - key < 2',
      ['%5 = subtract(%1, %2) : i32[5, 5]', '%6 = less(%5, %4) : bool[5, 5]', 'output "m" = %6'],
      { before: 1, after: Infinity },
    ],
    [
      'key <= query + 2',
      ['%5 = add(%1, %4) : i32[5, 5]', '%6 = less_equal(%2, %5) : bool[5, 5]', 'output "m" = %6'],
      { before: Infinity, after: 2 },
    ],
  ] as const)('%s', (_, lines, band) => {
    expect(bandsOf(lines)).toEqual({ bands: [{ query: QUERY, past: null, ...band }], tensors: [] })
  })
})

it.each([
  ['equality', ['%5 = equal(%1, %2) : bool[5, 5]', 'output "m" = %5']],
  ['a sum of positions', ['%5 = add(%1, %2) : i32[5, 5]', '%6 = less(%5, %4) : bool[5, 5]', 'output "m" = %6']],
  ['positions of keys alone', ['%5 = less(%2, %4) : bool[5, 5]', 'output "m" = %5']],
])('%s is no band', (_, lines) => {
  const { bands, tensors } = bandsOf(lines)
  expect([bands.length, tensors.length]).toEqual([0, 1])
})

it('bands of one axis intersect; those of two do not', () => {
  const band = { query: QUERY, past: null, before: Infinity, after: 0 }
  expect(intersection([band, { ...band, before: 4, after: 2 }])).toEqual({ ...band, before: 4 })
  expect(intersection([])).toEqual({ query: null, past: null, before: Infinity, after: Infinity })
  expect(intersection([band, { ...band, query: 1 }])).toBeNull()
})

it('movements keep the label of each axis, and an axis of one element has none', () => {
  const node = outputOf([
    '%5 = reshape(%1) : i32[1, 5, 5]',
    '%6 = transpose(%5) order [2, 0, 1] : i32[5, 1, 5]',
    'output "m" = %6',
  ])
  const { node: found, labels } = behind({ node, labels: [KEY, 0, QUERY] })
  expect([found.op, labels]).toEqual(['iota', [QUERY]])
})
