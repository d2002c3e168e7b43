/** Index arithmetic: between the axes of a shape and the row-major place of an element. */
import { constantValue, divideExact, multiply as multiplyDims, product, type Dim, ONE } from '../../../plan/dim.ts'
import type { Expression } from '../../scalar/expression.ts'
import { add, divide, multiply, remainder, size, u32 } from '../../scalar/build.ts'

export type Shape = readonly Dim[]

/** ((i0 * d1 + i1) * d2 + i2) ... */
export const linearise = (indices: readonly Expression[], shape: Shape): Expression =>
  indices.reduce<Expression>((place, index, axis) => add(multiply(place, size(shape[axis])), index), u32(0))

/** The inverse of `linearise`; the first index is not reduced, since it cannot exceed its axis. */
export function delinearise(place: Expression, shape: Shape): readonly Expression[] {
  const indices: Expression[] = []
  let rest = place
  for (let axis = shape.length - 1; axis > 0; axis--) {
    const length = size(shape[axis])
    indices.unshift(remainder(rest, length))
    rest = divide(rest, length)
  }
  return shape.length === 0 ? [] : [rest, ...indices]
}

/**
 * Indices into `from` of the element that stands at `indices` of `to`, both of as many elements. Axes are matched in groups of
 * equal products, so that what a reshape leaves alone costs nothing.
 */
export function reshapeIndices(indices: readonly Expression[], to: Shape, from: Shape): readonly Expression[] {
  const result: Expression[] = []
  let t = 0
  let f = 0
  while (t < to.length || f < from.length) {
    const group = nextGroup(to, t, from, f)
    const place = linearise(indices.slice(t, group.t), to.slice(t, group.t))
    result.push(...delinearise(place, from.slice(f, group.f)))
    t = group.t
    f = group.f
  }
  return result
}

/** The shortest runs of axes from t and from f that hold as many elements; the rest of both where none is found. */
function nextGroup(to: Shape, t: number, from: Shape, f: number): { t: number; f: number } {
  let [endT, endF] = [Math.min(t + 1, to.length), Math.min(f + 1, from.length)]
  let [left, right] = [product(to.slice(t, endT)), product(from.slice(f, endF))]
  while (left !== right) {
    if (endT < to.length && (endF >= from.length || grows(left, right))) left = multiplyDims(left, to[endT++])
    else if (endF < from.length) right = multiplyDims(right, from[endF++])
    else return { t: to.length, f: from.length }
  }
  // ones at the end belong to the group before them
  while (endT < to.length && to[endT] === ONE && !(endF < from.length)) endT++
  while (endF < from.length && from[endF] === ONE && !(endT < to.length)) endF++
  return { t: endT, f: endF }
}

/** Whether the left product should take the next axis: it divides the right one, or is the smaller number. */
function grows(left: Dim, right: Dim): boolean {
  const [l, r] = [constantValue(left), constantValue(right)]
  if (l !== undefined && r !== undefined) return l < r
  return divideExact(right, left) !== undefined
}
