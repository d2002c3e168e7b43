/** Broadcasting: axes of size 1 and missing leading axes repeat, as in NumPy. */
import { ONE, type Dim } from '../../../plan/dim.ts'
import type { TensorType } from '../../ops/record.ts'
import type { Emit } from './emit.ts'

/** x broadcast to a shape that it is known to match. */
export function stretch<T extends TensorType>(emit: Emit<T>, x: T, shape: readonly Dim[]): T {
  const offset = shape.length - x.shape.length
  const kept = x.shape.flatMap((size, axis) => (size === shape[axis + offset] ? [axis] : []))
  if (kept.length === shape.length) return x
  const dense =
    kept.length === x.shape.length
      ? x
      : emit.reshape(
          x,
          kept.map((axis) => x.shape[axis]),
        )
  return emit.make('broadcast', [dense], { shape, axes: kept.map((axis) => axis + offset) })
}

/** The common shape of two operands; reports axes that do not match. */
function meet<T extends TensorType>(
  emit: Emit<T>,
  a: readonly Dim[],
  b: readonly Dim[],
  names: readonly [number, number],
): readonly Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const [i, j] = [axis - rank + a.length, axis - rank + b.length]
    const [x, y] = [a[i] ?? ONE, b[j] ?? ONE]
    if (x !== y && x !== ONE && y !== ONE) {
      emit.fail({ message: `\`{${names[0]}}\` has ${x.key} at axis ${i} but \`{${names[1]}}\` has ${y.key} at axis ${j}` })
    }
    return x === ONE ? y : x
  })
}

/** All operands, broadcast to their common shape. */
export function together<T extends TensorType>(emit: Emit<T>, operands: readonly T[]): readonly T[] {
  let shape: readonly Dim[] = []
  operands.forEach((operand, i) => {
    shape = meet(emit, shape, operand.shape, [Math.max(i - 1, 0), i])
  })
  return operands.map((operand) => stretch(emit, operand, shape))
}
