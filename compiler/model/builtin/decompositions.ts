/** Functions of whole matrices. */
import { add, minimum, multiply, product, ZERO, type Dim } from '../../../plan/dim.ts'
import type { TensorType } from '../../ops/record.ts'
import { lone, type Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'

const plain = { operator: null, elementwise: false } as const

interface Part {
  readonly start: Dim
  readonly shape: readonly Dim[]
}

/** Some of the packed decomposition: [values, left vectors, right vectors], K = min(M, N) of each. */
function part<T extends TensorType>(emit: Emit<T>, x: T, where: (count: Dim, rows: Dim, columns: Dim) => Part): T {
  const leading = x.shape.slice(0, -2)
  const [rows, columns] = x.shape.slice(-2)
  const packed = emit.make('svd', [x], {})
  if (x.shape.length < 2) return packed
  const { start, shape } = where(minimum(rows, columns), rows, columns)
  const size = product(shape)
  const cut = emit.make('slice', [packed], {
    starts: [...leading.map(() => ZERO), start],
    sizes: [...leading, size],
    steps: [...leading.map(() => 1), 1],
  })
  return shape.length === 1 ? cut : emit.reshape(cut, [...leading, ...shape])
}

export const DECOMPOSITIONS = {
  svd_values: {
    ...plain,
    doc: 'The singular values of each matrix, descending: [..., M, N] gives [..., min(M, N)].',
    signature: 'svd_values(x: f32[..., M, N])',
    parameters: [lone('x')],
    expand: (emit, [x]) => part(emit, x, (count) => ({ start: ZERO, shape: [count] })),
  },
  svd_left: {
    ...plain,
    doc: 'The left singular vectors of each matrix as rows: [..., M, N] gives [..., min(M, N), M].',
    signature: 'svd_left(x: f32[..., M, N])',
    parameters: [lone('x')],
    expand: (emit, [x]) => part(emit, x, (count, rows) => ({ start: count, shape: [count, rows] })),
  },
  svd_right: {
    ...plain,
    doc: 'The right singular vectors of each matrix as rows, each with its largest component positive: [..., M, N] gives [..., min(M, N), N].',
    signature: 'svd_right(x: f32[..., M, N])',
    parameters: [lone('x')],
    expand: (emit, [x]) =>
      part(emit, x, (count, rows, columns) => ({ start: add(count, multiply(count, rows)), shape: [count, columns] })),
  },
} as const satisfies Readonly<Record<string, Builtin>>
