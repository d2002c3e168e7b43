/** Functions that read by index, and those that make indices. */
import { ONE } from '../../../plan/dim.ts'
import { stretch } from './broadcast.ts'
import { lone, type Builtin } from './builtin.ts'

const plain = { operator: null, elementwise: false, fold: null } as const

export const INDEXED = {
  take: {
    ...plain, doc: 'Whole rows of a table: [N, ...] and i32 ids give ids.shape + table.shape[1:].', signature: 'take(table, ids: i32[...])',
    parameters: [lone('table'), lone('ids')],
    expand: (emit, operands) => emit.make('take', operands, {}),
  },
  pick: {
    ...plain, doc: 'Elements along the last axis: x[..., N] and i32 ids [..., K] give [..., K].', signature: 'pick(x, ids: i32[..., K])',
    parameters: [lone('x'), lone('ids')],
    expand: (emit, operands) => emit.make('pick', operands, {}),
  },
  top_k: {
    ...plain, doc: 'Indices of the k largest along the last axis, best first, ties to the lower index: i32[..., k].', signature: 'top_k(x, k: int)',
    parameters: [lone('x'), { name: 'k', kind: 'count' }],
    expand: (emit, [x], { count }) => emit.topK(x, count),
  },
  one_hot: {
    ...plain, doc: 'f32[..., n]: 1 at the index, 0 elsewhere.', signature: 'one_hot(ids: i32[...], n: int)',
    parameters: [lone('ids'), { name: 'n', kind: 'count' }],
    expand(emit, [ids], { count }) {
      const shape = [...ids.shape, count]
      const wide = stretch(emit, emit.reshape(ids, [...ids.shape, ONE]), shape)
      const places = stretch(emit, emit.make('iota', [], { size: count }), shape)
      return emit.make('cast', [emit.make('equal', [wide, places], {})], { dtype: 'f32' })
    },
  },
} as const satisfies Readonly<Record<string, Builtin>>
