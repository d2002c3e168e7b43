import { expect, test } from 'vitest'
import { expertIdsIn, expertIdsOf, partingOf } from '../../../runtime/routing/expert-ids.ts'
import type { RoutedLayer } from '../../../runtime/routing/record.ts'

const layer = (name: string, selected: readonly number[], k = 2, experts = 8): RoutedLayer => ({
  name,
  experts,
  tokens: selected.length / k,
  k,
  selected: Int32Array.from(selected),
  weights: new Float32Array(selected.length),
})

const record = { layers: [layer('a', [0, 1, 2, 3, 4, 5]), layer('b', [7, 6, 5, -1, 3, 2])] }

test('experts are those of tokens, of their layers, in their slots', () => {
  const { tokens, layers, k, ids } = expertIdsOf(record)
  expect([tokens, layers, k]).toEqual([3, ['a', 'b'], 2])
  expect([...ids]).toEqual([0, 1, 7, 6, 2, 3, 5, -1, 4, 5, 3, 2])
  expect(expertIdsIn('f', [3, 2, 2], ids)).toEqual({ tokens, layers: [null, null], k, ids })
})

test('records part at the first token with other experts, in its first layer; another order is told apart', () => {
  const other = { layers: [layer('a', [1, 0, 2, 3, 4, 6]), layer('b', [7, 6, 4, -1, 1, 2])] }
  const unnamed = (given: typeof record) => expertIdsIn('f', [3, 2, 2], expertIdsOf(given).ids)
  for (const [a, b] of [
    [expertIdsOf(record), expertIdsOf(other)],
    [expertIdsOf(record), unnamed(other)],
    [unnamed(record), expertIdsOf(other)],
  ])
    expect(partingOf(a, b)).toEqual({
      tokens: 3,
      layers: [
        { name: 'a', others: 1, reordered: 1, first: 2 },
        { name: 'b', others: 2, reordered: 0, first: 1 },
      ],
      first: { token: 1, layer: 'b', a: [5, -1], b: [4, -1] },
    })
  expect(partingOf(unnamed(record), unnamed(record))).toMatchObject({
    layers: [{ name: 'layer 0' }, { name: 'layer 1' }],
    first: null,
  })
})

test('a record that is not an array of experts, and records that do not compare, are refused', () => {
  expect(() => expertIdsOf({ layers: [] })).toThrow('has no layer')
  expect(() => expertIdsOf({ layers: [layer('a', [0, 1]), layer('b', [0], 1)] })).toThrow(
    'has 1 tokens of 1 experts, and a 1 of 2',
  )
  expect(() => expertIdsOf({ layers: [layer('a', [0, 1], 2, 40_000)] })).toThrow('more than 16 bits count')
  expect(() => expertIdsIn('f', [2, 2], [1, 2, 3, 4])).toThrow('has the shape [2, 2], not [tokens, layers, experts a token]')
  expect(() => expertIdsIn('f', [1, 1, 1], [0.5])).toThrow('has 0.5 at 0, which is not an expert')
  expect(() => expertIdsIn('f', [1, 1, 2], [0, -2])).toThrow('has -2 at 1')
  expect(() => partingOf(expertIdsOf(record), expertIdsOf({ layers: [layer('a', [0, 1])] }))).toThrow('have 3 and 1 tokens')
})
