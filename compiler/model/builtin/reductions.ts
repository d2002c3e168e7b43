/** Reductions over one axis. */
import { ONE } from '../../../plan/dim.ts'
import type { TensorType } from '../../ops/record.ts'
import { axisOf } from './axes.ts'
import { stretch } from './broadcast.ts'
import { tensor, type Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'
import type { Options } from './options.ts'

function reduce<T extends TensorType>(
  emit: Emit<T>,
  op: 'sum' | 'max' | 'min',
  x: T,
  { axis, keep }: Options,
  scale?: (total: T, axis: number) => T,
): T {
  const at = axisOf(emit, x, axis)
  if (x.shape.length === 0) return x
  const total = emit.make(op, [x], { axis: at })
  const scaled = scale === undefined ? total : scale(total, at)
  return keep ? emit.reshape(scaled, x.shape.with(at, ONE)) : scaled
}

const reduction = (op: 'sum' | 'max' | 'min', doc: string): Builtin => ({
  doc,
  signature: `${op}(x, axis: int = -1, keep: bool = false)`,
  operator: null,
  elementwise: false,
  parameters: [tensor('x'), { name: 'axis', kind: 'axis', optional: true }, { name: 'keep', kind: 'keep', optional: true }],
  expand: (emit, [x], options) => reduce(emit, op, x, options),
})

/** x times a triangular matrix of ones. */
function cumulated<T extends TensorType>(emit: Emit<T>, x: T, axis: number): T {
  const at = axisOf(emit, x, axis)
  const size = x.shape[at] ?? ONE
  const count = emit.make('iota', [], { size })
  const from = emit.make('broadcast', [count], { shape: [size, size], axes: [0] })
  const to = emit.make('broadcast', [count], { shape: [size, size], axes: [1] })
  const upTo = emit.make('cast', [emit.make('less_equal', [from, to], {})], { dtype: 'f32' })
  const sums = emit.make('contract', [x, upTo], { batch: [], over: [[at, 0]] })
  const last = x.shape.length - 1
  const order = x.shape.map((_, i) => (i === at ? last : i < at ? i : i - 1))
  return order.every((from, i) => from === i) ? sums : emit.make('transpose', [sums], { order })
}

export const REDUCTIONS = {
  sum: reduction('sum', 'The sum along an axis; `keep` leaves the axis, with size 1.'),
  max: reduction('max', 'The maximum along an axis.'),
  min: reduction('min', 'The minimum along an axis.'),
  cumsum: {
    doc: 'The inclusive cumulative sum along an axis. Its cost grows with the square of the axis.',
    signature: 'cumsum(x, axis: int = -1)',
    operator: null,
    elementwise: false,
    parameters: [tensor('x'), { name: 'axis', kind: 'axis', optional: true }],
    expand: (emit, [x], { axis }) => cumulated(emit, x, axis),
  },
  mean: {
    ...reduction('sum', 'The mean along an axis.'),
    signature: 'mean(x, axis: int = -1, keep: bool = false)',
    expand: (emit, [x], options) =>
      reduce(emit, 'sum', x, options, (total, axis) => {
        const count = stretch(emit, emit.size(x.shape[axis]), total.shape)
        return emit.make('divide', [total, count], {})
      }),
  },
} as const satisfies Readonly<Record<string, Builtin>>
