/** Gathering functions, and those that compute indices. */
import { multiply, ONE, product, ZERO } from '../../../plan/dim.ts'
import type { TensorType } from '../../ops/record.ts'
import { stretch } from './broadcast.ts'
import { lone, type Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'

const plain = { operator: null, elementwise: false } as const

/** Rows of many tables: the tables are concatenated, and each id is offset by the start of its table. */
function takeRows<T extends TensorType>(emit: Emit<T>, x: T, ids: T): T {
  const rank = x.shape.length
  const leading = x.shape.slice(0, -2)
  if (rank < 2 || ids.shape.length !== rank - 1 || leading.some((size, axis) => size !== ids.shape[axis])) {
    emit.fail({ message: '`{0}` is [..., N, D] and `{1}` is [..., c], with the same axes in front' })
    return x
  }
  if (rank === 2) return emit.make('take', [x, ids], {})
  const [rows, width] = x.shape.slice(-2)
  const tables = product(leading)
  const places = emit.reshape(emit.make('iota', [], { size: multiply(tables, rows) }), [...leading, rows])
  const first = emit.make('slice', [places], {
    starts: places.shape.map(() => ZERO),
    sizes: [...leading, ONE],
    steps: places.shape.map(() => 1),
  })
  const moved = emit.make('add', [stretch(emit, first, ids.shape), ids], {})
  return emit.make('take', [emit.reshape(x, [multiply(tables, rows), width]), moved], {})
}

export const INDEXED = {
  take: {
    ...plain,
    doc: 'Whole rows of a table: [N, ...] and i32 ids give ids.shape + table.shape[1:].',
    signature: 'take(table, ids: i32[...])',
    parameters: [lone('table'), lone('ids')],
    expand: (emit, operands) => emit.make('take', operands, {}),
  },
  pick: {
    ...plain,
    doc: 'Elements along the last axis: x[..., N] and i32 ids [..., K] give [..., K].',
    signature: 'pick(x, ids: i32[..., K])',
    parameters: [lone('x'), lone('ids')],
    expand: (emit, operands) => emit.make('pick', operands, {}),
  },
  take_rows: {
    ...plain,
    doc: 'Whole rows of many tables side by side: x[..., N, D] and i32 ids [..., c] give [..., c, D].',
    signature: 'take_rows(x: f32[..., N, D], ids: i32[..., c])',
    parameters: [lone('x'), lone('ids')],
    expand: (emit, [x, ids]) => takeRows(emit, x, ids),
  },
  top_k: {
    ...plain,
    doc: 'Indices of the k largest along the last axis, best first, ties to the lower index: i32[..., k].',
    signature: 'top_k(x, k: int)',
    parameters: [lone('x'), { name: 'k', kind: 'count' }],
    expand: (emit, [x], { count }) => emit.topK(x, count),
  },
  one_hot: {
    ...plain,
    doc: 'f32[..., n]: 1 at the index, 0 elsewhere.',
    signature: 'one_hot(ids: i32[...], n: int)',
    parameters: [lone('ids'), { name: 'n', kind: 'count' }],
    expand(emit, [ids], { count }) {
      const shape = [...ids.shape, count]
      const wide = stretch(emit, emit.reshape(ids, [...ids.shape, ONE]), shape)
      const places = stretch(emit, emit.make('iota', [], { size: count }), shape)
      return emit.make('cast', [emit.make('equal', [wide, places], {})], { dtype: 'f32' })
    },
  },
} as const satisfies Readonly<Record<string, Builtin>>
