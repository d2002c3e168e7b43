/** Axes as written: -1 is the last. */
import type { TensorType } from '../../ops/record.ts'
import type { Emit } from './emit.ts'

/** The axis counted from 0. */
export function axisOf<T extends TensorType>(emit: Emit<T>, x: T, axis: number, extra = 0): number {
  const rank = x.shape.length + extra
  const counted = axis < 0 ? axis + rank : axis
  if (counted >= 0 && counted < rank) return counted
  emit.fail({ message: `\`{0}\` has ${rank} ${rank === 1 ? 'axis' : 'axes'}, so axis ${axis} is out of range` })
  return 0
}
