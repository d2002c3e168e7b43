/** Products that sum over axes. */
import type { TensorType } from '../../ops/record.ts'
import { lone, type Builtin } from './builtin.ts'
import { einsum } from './einsum.ts'
import type { Emit } from './emit.ts'
import { rearrange } from './rearrange.ts'

function matmul<T extends TensorType>(emit: Emit<T>, left: T, right: T, transposed: boolean): T {
  const [p, q] = [left.shape.length, right.shape.length]
  if (p < 1 || q < 2) {
    emit.fail({
      message:
        p < 1
          ? '`{0}` is a scalar, but `@` sums over its last axis'
          : '`{1}` has fewer than 2 axes, but `@` sums over its second-last',
    })
    return left
  }
  const [i, j] = [p - 1, transposed ? q - 1 : q - 2]
  if (left.shape[i] !== right.shape[j]) {
    emit.fail({ message: `\`{0}\` has ${left.shape[i].key} at axis ${i} but \`{1}\` has ${right.shape[j].key} at axis ${q - 2}` })
    return left
  }
  if (q > 2 && p !== q) {
    emit.fail({
      message: `\`{0}\` has ${p} axes and \`{1}\` has ${q}; if the right operand has more than 2, both must have as many`,
    })
    return left
  }
  const batch = Array.from({ length: q - 2 }, (_, axis) => [axis, axis] as const)
  const odd = batch.find(([axis]) => left.shape[axis] !== right.shape[axis])
  if (odd !== undefined) {
    const [axis] = odd
    emit.fail({ message: `\`{0}\` has ${left.shape[axis].key} at axis ${axis} but \`{1}\` has ${right.shape[axis].key}` })
    return left
  }
  return emit.make('contract', [left, right], { batch, over: [[i, j]] })
}

const plain = { operator: null, elementwise: false } as const

export const PRODUCTS = {
  matmul: {
    ...plain,
    operator: '@',
    signature: 'x @ y',
    doc: 'Sums over the last axis of x and the second-last of y; with more than two axes in both, the leading ones are batch axes.',
    parameters: [lone('x'), lone('y')],
    expand: (emit, [x, y], { transposed }) => matmul(emit, x, y, transposed),
  },
  einsum: {
    ...plain,
    signature: 'einsum("b s h c, b t h c -> b h s t", x, y, ...)',
    doc: 'Einstein summation: products summed over the axes that the result does not name. Axis names are separated by spaces.',
    parameters: [
      { name: 'pattern', kind: 'pattern' },
      { name: 'operands', kind: 'rest' },
    ],
    expand: (emit, operands, { pattern }) => einsum(emit, pattern, operands),
  },
  rearrange: {
    ...plain,
    signature: 'rearrange(x, "b s (h c) -> b s h c", c = C)',
    doc: 'Splits, orders and joins axes by name; the sizes of split axes are named ints. `...` stands for any axes on both sides, `1` makes one of size 1.',
    parameters: [lone('x'), { name: 'pattern', kind: 'pattern' }, { name: 'sizes', kind: 'sizes' }],
    expand: (emit, [x], { pattern, sizes }) => rearrange(emit, pattern, x, sizes),
  },
} as const satisfies Readonly<Record<string, Builtin>>
