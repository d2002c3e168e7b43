/** Functions that look back at earlier tokens of a sequence, which may have been given in earlier runs. */
import type { TensorType } from '../../ops/record.ts'
import { lone, type Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'

const plain = { operator: null, elementwise: false } as const

/** Axis 0 has sequences, axis 1 positions. */
function wantSequences<T extends TensorType>(emit: Emit<T>, x: T, isReal: boolean): boolean {
  const hasAxes = x.shape.length >= 2
  if (!hasAxes) emit.fail({ message: '`{0}` needs an axis of sequences and one of positions: [B, S, ...]' })
  else if (isReal && x.dtype !== 'f32') emit.fail({ message: `what is kept of earlier tokens is f32, and \`{0}\` is ${x.dtype}` })
  return hasAxes && (!isReal || x.dtype === 'f32')
}

export const SEQUENCES = {
  cached: {
    ...plain,
    doc:
      'x behind the x of the earlier tokens of each sequence, where a run continues what earlier runs began: [B, S, ...] gives ' +
      '[B, T, ...], whose row t is that of position t. Elsewhere x itself, and T is S.',
    signature: 'cached(x: f32[B, S, ...])',
    parameters: [lone('x')],
    expand: (emit, [x]) => (wantSequences(emit, x, true) ? emit.cached(x) : x),
  },
  positions: {
    ...plain,
    doc:
      'The position of each row of x [B, S, ...] in its sequence, i32[B, S]: 0, 1, ..., S - 1, and as many more as earlier runs ' +
      'were given where this one continues them.',
    signature: 'positions(x: [B, S, ...])',
    parameters: [lone('x')],
    expand: (emit, [x]) => (wantSequences(emit, x, false) ? emit.positions(x) : x),
  },
  with_previous: {
    ...plain,
    doc: 'The n rows before x [B, S, ...] in its sequence, zeros where there are none, then x: [B, n + S, ...].',
    signature: 'with_previous(x: f32[B, S, ...], n: int)',
    parameters: [lone('x'), { name: 'n', kind: 'rows' }],
    expand: (emit, [x], { count }) => (wantSequences(emit, x, true) ? emit.withPrevious(x, count) : x),
  },
} as const satisfies Readonly<Record<string, Builtin>>
