/** Functions of f32x4 by way of f64x2: two halves are computed with f64's precision and rounded once. */
import { op, shuffleWords, type Vector } from '../vector.ts'

/** The two low and the two high of four f32, as f64. */
export const widened = (x: Vector): readonly [Vector, Vector] => [
  op('f64x2.promote_low_f32x4', x),
  op('f64x2.promote_low_f32x4', shuffleWords(x, x, [2, 3, 2, 3])),
]

export const narrowed = (low: Vector, high: Vector): Vector =>
  shuffleWords(op('f32x4.demote_f64x2_zero', low), op('f32x4.demote_f64x2_zero', high), [0, 1, 4, 5])

/** Applies a function of f64x2 to the halves of its operands. */
export function inDoubles(compute: (...operands: readonly Vector[]) => Vector, ...operands: readonly Vector[]): Vector {
  const halves = operands.map(widened)
  return narrowed(compute(...halves.map(([low]) => low)), compute(...halves.map(([, high]) => high)))
}
