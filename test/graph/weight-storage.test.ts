import { expect, it } from 'vitest'
import { weightStorage } from '../../compiler/graph/weight-storage.ts'
import type { Node } from '../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { dim } from '../../plan/dim.ts'

const weight = (format?: 'bf16'): Node =>
  createBuilder().make(
    'weight',
    [],
    { name: 'w', shape: [dim(3), dim(5)], source: { pieces: [], stacked: false, ...(format && { format }) }, doc: '' },
    NO_ORIGIN,
  ) as Node

it('is that of the format of a weight, and nothing of other nodes', () => {
  expect(weightStorage(weight('bf16'))).toEqual({ storage: { format: 'bf16' } })
  expect(weightStorage(weight())).toEqual({})
})
