/** Strided views: a tensor of a file after slicing and transposition, as strided copies to a weight. */

import type { WeightPiece, WeightSlice } from '../../plan/plan.ts'

interface Axis {
  readonly size: number
  /** Elements of the tensor from one entry to the next. */
  readonly stride: number
}

export interface View {
  readonly shape: readonly number[]
  /** Axes after slicing, before the transposition, outermost first. */
  readonly axes: readonly Axis[]
  /** First element in the tensor. */
  readonly start: number
  readonly transpose: boolean
}

const rowMajor = (shape: readonly number[]): readonly number[] =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((all, size) => all * size, 1))

const ALL: WeightSlice = { kind: 'all' }

/** The number of entries of a range of an axis; the range is clipped to the axis. */
function rangeSize(size: number, start: number, stop: number | null, step: number): number {
  return Math.max(0, Math.ceil((Math.min(stop ?? size, size) - start) / step))
}

/** The view of a tensor of this shape that a piece describes, or a phrase for what is impossible. */
export function viewOf(shape: readonly number[], { slices, transpose }: WeightPiece): View | string {
  if (slices.length > shape.length) return `${slices.length} slices for ${shape.length} axes`
  const strides = rowMajor(shape)
  const axes: Axis[] = []
  let start = 0
  for (const [axis, size] of shape.entries()) {
    const slice = slices[axis] ?? ALL
    const stride = strides[axis]
    if (slice.kind === 'all') axes.push({ size, stride })
    else if (slice.kind === 'index') {
      if (slice.at >= size) return `index ${slice.at} of axis ${axis}, which has ${size} entries`
      start += slice.at * stride
    } else {
      if (slice.start > size || (slice.stop ?? 0) > size) return `a slice beyond the ${size} entries of axis ${axis}`
      start += slice.start * stride
      axes.push({ size: rangeSize(size, slice.start, slice.stop, slice.step), stride: stride * slice.step })
    }
  }
  if (transpose && axes.length < 2) return 'a transposition of fewer than two axes'
  const sizes = axes.map(({ size }) => size)
  const seen = transpose ? [...sizes.slice(0, -2), sizes.at(-1)!, sizes.at(-2)!] : sizes
  return { shape: seen, axes, start, transpose }
}

/** Elements `from + i * stride` of the tensor, 0 <= i < count, go to elements `to + i * toStride` of the weight. */
export interface StridedCopy {
  readonly from: number
  readonly stride: number
  readonly count: number
  readonly to: number
  readonly toStride: number
}

/** Merges neighbouring axes that are contiguous with each other. */
function merge(axes: readonly Axis[]): readonly Axis[] {
  const merged: Axis[] = []
  for (const axis of axes) {
    const outer = merged.at(-1)
    if (outer !== undefined && outer.stride === axis.size * axis.stride) {
      merged[merged.length - 1] = { size: outer.size * axis.size, stride: axis.stride }
    } else merged.push(axis)
  }
  return merged
}

/** Offsets of all entries of some axes in the tensor, in row-major order. */
function* offsets(axes: readonly Axis[], start: number): Generator<number> {
  const [axis, ...inner] = axes
  if (axis === undefined) {
    yield start
    return
  }
  for (let at = 0; at < axis.size; at++) yield* offsets(inner, start + at * axis.stride)
}

/** Elements of one transposed matrix, which is staged as a whole; 0 for a view that is not transposed. */
export const matrixElements = (view: View): number =>
  view.transpose ? view.axes.slice(-2).reduce((all, { size }) => all * size, 1) : 0

/**
 * The copies of a view, each over at most `limit` elements of the tensor. Without transposition they fill the weight in order,
 * with it matrix by matrix.
 */
export function* stridedCopies(view: View, limit: number): Generator<StridedCopy> {
  if (view.axes.some(({ size }) => size === 0)) return
  const axes = view.transpose ? view.axes : merge(view.axes)
  const last = axes.at(-1) ?? { size: 1, stride: 1 }
  const matrix = matrixElements(view)
  const rows = view.transpose ? axes.at(-2)!.size : 1
  let row = 0
  for (const offset of offsets(axes.slice(0, -1), view.start)) {
    const [to, toStep] = view.transpose ? [Math.floor(row / rows) * matrix + (row % rows), rows] : [row * last.size, 1]
    yield* split({ from: offset, stride: last.stride, count: last.size, to, toStride: toStep }, limit)
    row++
  }
}

function* split(copy: StridedCopy, limit: number): Generator<StridedCopy> {
  const length = Math.max(1, Math.floor(limit / copy.stride))
  for (let at = 0; at < copy.count; at += length) {
    const count = Math.min(length, copy.count - at)
    yield { ...copy, from: copy.from + at * copy.stride, count, to: copy.to + at * copy.toStride }
  }
}
