/** Optimal transport: balanced assignments of rows to columns. */
import { dim } from '../../../plan/dim.ts'
import type { TensorType } from '../../ops/record.ts'
import { stretch } from './broadcast.ts'
import { tensor, type Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'
import type { Options } from './options.ts'

/** The op, with scalar marginals broadcast; null if the cost is not a matrix. */
function scalings<T extends TensorType>(
  emit: Emit<T>,
  [cost, rows, columns]: readonly T[],
  { iterations, tolerance }: Options,
): T | null {
  if (cost.shape.length !== 2)
    return (
      emit.fail({ message: `\`{0}\` has ${cost.shape.length} axes; a cost matrix has one of rows and one of columns` }),
      null
    )
  const marginals = [rows, columns].map((mass, axis) =>
    mass.shape.length === 0 ? stretch(emit, mass, [cost.shape[axis]]) : mass,
  )
  return emit.make('sinkhorn', [cost, ...marginals], { iterations, tolerance })
}

/** Elements of a vector. */
const part = <T extends TensorType>(emit: Emit<T>, x: T, start: T['shape'][number], size: T['shape'][number]): T =>
  emit.make('slice', [x], { starts: [start], sizes: [size], steps: [1] })

const parameters = [
  tensor('cost'),
  tensor('rows'),
  tensor('columns'),
  { name: 'iterations', kind: 'iterations', optional: true },
  { name: 'tolerance', kind: 'tolerance', optional: true },
] as const
const signature = (name: string): string =>
  `${name}(cost: f32[T, E], rows: f32[T], columns: f32[E], iterations: int = 100, tolerance: real = 1e-4)`
const plain = { operator: null, elementwise: false, parameters } as const

export const TRANSPORT = {
  sinkhorn: {
    ...plain,
    signature: signature('sinkhorn'),
    doc:
      'f32[E]: log v such that row t of the transport plan with these row and column sums is rows[t] * softmax(cost[t] + log v); a number means ' +
      'equal sums. Stops when the error of the column sums (root mean square) is below the tolerance, or after this many iterations. Cuturi, 2013.',
    expand(emit, operands, options) {
      const all = scalings(emit, operands, options)
      return all === null ? operands[0] : part(emit, all, dim(0), operands[0].shape[1])
    },
  },
  sinkhorn_status: {
    ...plain,
    signature: signature('sinkhorn_status'),
    doc: 'f32[2] of the same sinkhorn, which is computed once: the number of iterations, and the remaining error of the column sums.',
    expand(emit, operands, options) {
      const all = scalings(emit, operands, options)
      return all === null ? operands[0] : part(emit, all, operands[0].shape[1], dim(2))
    },
  },
} as const satisfies Readonly<Record<string, Builtin>>
