/** Functions that only move elements. */
import { constantValue, ONE, ZERO, type Dim } from '../../../plan/dim.ts'
import { axisOf } from './axes.ts'
import { stretch } from './broadcast.ts'
import { lone, type Builtin } from './builtin.ts'

const plain = { operator: null, elementwise: false } as const

const listed = (shape: readonly Dim[]): string => `[${shape.map((size) => size.key).join(', ')}]`

export const MOVEMENTS = {
  reshape: {
    ...plain,
    doc: 'The same elements in row-major order under another shape.',
    signature: 'reshape(x, [dims])',
    parameters: [lone('x'), { name: 'shape', kind: 'dims' }],
    expand: (emit, [x], { dims }) => emit.reshape(x, dims),
  },
  broadcast: {
    ...plain,
    doc: 'Repeats axes of size 1 and adds missing leading axes.',
    signature: 'broadcast(x, [dims])',
    parameters: [lone('x'), { name: 'shape', kind: 'dims' }],
    expand(emit, [x], { dims }) {
      const offset = dims.length - x.shape.length
      const odd = x.shape.findIndex((size, axis) => size !== ONE && size !== dims[axis + offset])
      if (offset < 0 || odd >= 0)
        emit.fail({ message: `\`{0}\` is ${listed(x.shape)} and cannot be broadcast to ${listed(dims)}` })
      return stretch(emit, x, dims)
    },
  },
  transpose: {
    ...plain,
    doc: 'Axes in another order: output axis i is input axis order[i].',
    signature: 'transpose(x, [order])',
    parameters: [lone('x'), { name: 'order', kind: 'order' }],
    expand: (emit, [x], { order }) => emit.make('transpose', [x], { order: order.map((axis) => axisOf(emit, x, axis)) }),
  },
  swap: {
    ...plain,
    operator: '.T',
    doc: 'Swaps the last two axes.',
    signature: 'x.T',
    parameters: [lone('x')],
    expand(emit, [x]) {
      const rank = x.shape.length
      if (rank < 2) emit.fail({ message: `\`{0}\` has ${rank === 1 ? '1 axis' : 'no axis'}; \`.T\` swaps the last two` })
      const order = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis))
      return emit.make('transpose', [x], { order })
    },
  },
  concat: {
    ...plain,
    doc: 'Concatenates tensors along an axis.',
    signature: 'concat([a, b], axis: int = -1)',
    parameters: [
      { name: 'parts', kind: 'tensors' },
      { name: 'axis', kind: 'axis', optional: true },
    ],
    // parts of size 0 add nothing; their types are checked all the same
    expand(emit, parts, { axis: given }) {
      const axis = axisOf(emit, parts[0], given)
      const whole = emit.make('concat', parts, { axis })
      const full = parts.filter(({ shape }) => shape[axis] !== ZERO)
      if (full.length === 0 || full.length === parts.length) return whole
      return full.length === 1 ? full[0] : emit.make('concat', full, { axis })
    },
  },
  slice: {
    ...plain,
    operator: '[]',
    doc: 'Some of the elements along each axis.',
    signature: 'x[start:stop:step, ...]',
    parameters: [lone('x')],
    expand(emit, [x], { slices }) {
      if (slices.length > x.shape.length)
        emit.fail({ message: `\`{0}\` has ${x.shape.length} axes but ${slices.length} are indexed` })
      const cut = emit.make('slice', [x], {
        starts: slices.map((slice) => slice.start),
        sizes: slices.map((slice) => slice.size),
        steps: slices.map((slice) => slice.step),
      })
      const left = slices.flatMap((slice) => (slice.drop ? [] : [slice.size]))
      return left.length === slices.length ? cut : emit.reshape(cut, left)
    },
  },
  iota: {
    ...plain,
    doc: '0, 1, ..., n - 1 as i32[n].',
    signature: 'iota(n: int)',
    parameters: [{ name: 'n', kind: 'count' }],
    expand(emit, _, { count }) {
      if ((constantValue(count) ?? 0) < 0) emit.fail({ message: `iota needs a size of 0 or more, not ${count.key}` })
      return emit.make('iota', [], { size: count })
    },
  },
} as const satisfies Readonly<Record<string, Builtin>>
