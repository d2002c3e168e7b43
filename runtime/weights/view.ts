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
  /** Elements 0 .. `complete` - 1 of the weight are there once all copies with this number are made. */
  readonly complete: number
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

/** Elements that a view has. */
export const viewElements = ({ shape }: View): number => shape.reduce((all, size) => all * size, 1)

/** In elements. */
export interface CopyLimits {
  /** What a copy may span of the tensor. */
  readonly span: number
  /** What copies may fill of the weight before a range of it is complete. */
  readonly staged: number
}

/** The copies of a view. Ranges of the weight become complete in order. */
export function* stridedCopies(view: View, limits: CopyLimits): Generator<StridedCopy> {
  if (view.axes.some(({ size }) => size === 0)) return
  if (view.transpose) yield* transposedCopies(view, limits)
  else yield* plainCopies(view, limits)
}

function* plainCopies(view: View, { span, staged }: CopyLimits): Generator<StridedCopy> {
  const axes = merge(view.axes)
  const { size, stride } = axes.at(-1) ?? { size: 1, stride: 1 }
  let end = 0
  for (const offset of offsets(axes.slice(0, -1), view.start))
    for (const { from, count } of split(offset, stride, size, Math.min(span, staged * stride))) {
      yield { from, stride, count, to: end, toStride: 1, complete: end + count }
      end += count
    }
}

/** Matrix by matrix, and of each as many columns at a time, or as much of one column, as may be staged. */
function* transposedCopies({ axes, start }: View, { span, staged }: CopyLimits): Generator<StridedCopy> {
  const [rows, columns] = axes.slice(-2)
  const height = Math.min(rows.size, staged)
  const width = Math.min(columns.size, Math.floor(staged / height))
  let before = 0
  for (const matrix of offsets(axes.slice(0, -2), start)) {
    for (let column = 0; column < columns.size; column += width)
      for (let row = 0; row < rows.size; row += height) {
        const [right, below] = [Math.min(columns.size, column + width), Math.min(rows.size, row + height)]
        const complete = before + (right - 1) * rows.size + below
        for (let at = row; at < below; at++) {
          const offset = matrix + at * rows.stride + column * columns.stride
          for (const { from, count } of split(offset, columns.stride, right - column, span)) {
            const passed = (from - offset) / columns.stride
            const to = before + (column + passed) * rows.size + at
            yield { from, stride: columns.stride, count, to, toStride: rows.size, complete }
          }
        }
      }
    before += rows.size * columns.size
  }
}

/** Strided elements in pieces that span at most so many. */
function* split(from: number, stride: number, size: number, span: number): Generator<{ from: number; count: number }> {
  const length = Math.max(1, Math.floor(span / stride))
  for (let at = 0; at < size; at += length) yield { from: from + at * stride, count: Math.min(length, size - at) }
}
