/** Movement ops: they compute nothing. */
import { add, constantValue, evaluate, product, type Dim, type DimValues } from '../../plan/dim.ts'
import { EXACT, type Records } from './record.ts'
import { fail, firstOf, sameShape, shapeText, wantAxis, wantCount, wantSame, wantSizes } from './shapes.ts'
import { EvaluationError, elements, hostTensor, strided, stridesOf, type HostTensor } from './tensor.ts'

const movement = { kind: 'movement', since: 'source', commutative: false, accuracy: EXACT, scalar: null } as const

const numbers = (shape: readonly Dim[], dims: DimValues): number[] => shape.map((size) => evaluate(size, dims))

const isAxis = (axis: number, rank: number): boolean => Number.isInteger(axis) && axis >= 0 && axis < rank

const isPermutation = (order: readonly number[], rank: number): boolean =>
  order.length === rank && new Set(order).size === rank && order.every((axis) => isAxis(axis, rank))

/** Whether start + (size - 1) * step is known to lie outside 0 .. extent - 1. */
function leavesAxis(start: Dim, size: Dim, step: number, extent: Dim): boolean {
  const [s, n, e] = [start, size, extent].map(constantValue)
  if ((s ?? 0) < 0 || (n ?? 0) < 0) return true
  return s !== undefined && n !== undefined && e !== undefined && n > 0 && s + (n - 1) * step >= e
}

function concatenate(parts: readonly HostTensor[], axis: number): HostTensor {
  const sizes = parts.map((part) => part.shape[axis])
  const shape = parts[0].shape.with(
    axis,
    sizes.reduce((sum, size) => sum + size, 0),
  )
  const outer = elements(shape.slice(0, axis))
  const inner = elements(shape.slice(axis + 1))
  const values = new Float64Array(elements(shape))
  let at = 0
  for (let o = 0; o < outer; o++) {
    for (const [p, part] of parts.entries()) {
      const length = sizes[p] * inner
      values.set(part.values.subarray(o * length, (o + 1) * length), at)
      at += length
    }
  }
  return hostTensor(shape, parts[0].dtype, values)
}

export const movements: Records<'reshape' | 'transpose' | 'broadcast' | 'slice' | 'concat' | 'optimization_barrier'> = {
  reshape: {
    ...movement,
    doc: 'The same elements in row-major order, under another shape.',
    formula: 'y.flat[i] = x.flat[i]',
    infer(inputs, { shape }) {
      const complaint = firstOf(wantCount(inputs, 1), wantSizes(shape))
      if (complaint) return complaint
      const [from, to] = [product(inputs[0].shape), product(shape)]
      return from === to
        ? { shape, dtype: inputs[0].dtype }
        : fail(`${shapeText(inputs[0].shape)} has ${from.key} elements, ${shapeText(shape)} has ${to.key}`)
    },
    evaluate: ([x], { shape }, { dims }) => hostTensor(numbers(shape, dims), x.dtype, x.values),
  },
  transpose: {
    ...movement,
    doc: 'Axes in another order: output axis i is input axis order[i].',
    formula: 'y.shape[i] = x.shape[order[i]]',
    infer: (inputs, { order }) =>
      wantCount(inputs, 1) ??
      (isPermutation(order, inputs[0].shape.length)
        ? null
        : fail(`[${order.join(', ')}] is not a permutation of the axes of ${shapeText(inputs[0].shape)}`)) ?? {
        shape: order.map((axis) => inputs[0].shape[axis]),
        dtype: inputs[0].dtype,
      },
    evaluate([x], { order }) {
      const strides = stridesOf(x.shape)
      const shape = order.map((axis) => x.shape[axis])
      return hostTensor(
        shape,
        x.dtype,
        strided(
          x.values,
          shape,
          order.map((axis) => strides[axis]),
        ),
      )
    },
  },
  broadcast: {
    ...movement,
    doc: 'Repeats along new axes: input axis i becomes output axis axes[i], ascending.',
    formula: 'y[j...] = x[j[axes[0]], j[axes[1]], ...]',
    infer(inputs, { shape, axes }) {
      const complaint = firstOf(wantCount(inputs, 1), wantSizes(shape))
      if (complaint) return complaint
      const [{ shape: from, dtype }] = inputs
      const ascending = axes.every((axis, i) => isAxis(axis, shape.length) && (i === 0 || axis > axes[i - 1]))
      if (axes.length !== from.length || !ascending) {
        return fail(`axes [${axes.join(', ')}] do not place ${shapeText(from)} in ${shapeText(shape)}`)
      }
      const odd = firstOf(...axes.map((axis, i) => wantSame(from[i], shape[axis], `input axis ${i} and output axis ${axis}`)))
      return odd ?? { shape, dtype }
    },
    evaluate([x], { shape, axes }, { dims }) {
      const own = stridesOf(x.shape)
      const strides = shape.map((_, axis) => (axes.includes(axis) ? own[axes.indexOf(axis)] : 0))
      const sizes = numbers(shape, dims)
      return hostTensor(sizes, x.dtype, strided(x.values, sizes, strides))
    },
  },
  slice: {
    ...movement,
    doc: 'Along every axis the elements start, start + step, ..., `size` of them; steps are 1 or more.',
    formula: 'y[i...] = x[starts + i * steps, ...]',
    infer(inputs, { starts, sizes, steps }) {
      const complaint = firstOf(wantCount(inputs, 1), wantSizes(sizes))
      if (complaint) return complaint
      const [{ shape, dtype }] = inputs
      const isWhole = [starts, sizes, steps].every((list) => list.length === shape.length)
      if (!isWhole) return fail(`a slice of ${shapeText(shape)} has one entry an axis`)
      const odd = steps.findIndex((step) => !Number.isInteger(step) || step < 1)
      if (odd >= 0) return fail(`the step ${steps[odd]} along axis ${odd} is not 1 or more`)
      const out = shape.findIndex((extent, axis) => leavesAxis(starts[axis], sizes[axis], steps[axis], extent))
      if (out < 0) return { shape: sizes, dtype }
      return fail(`${sizes[out].key} elements from ${starts[out].key} by ${steps[out]} leave axis ${out}, ${shape[out].key}`)
    },
    evaluate([x], { starts, sizes, steps }, { dims }) {
      const [from, shape] = [numbers(starts, dims), numbers(sizes, dims)]
      const last = shape.map((size, axis) => from[axis] + (size - 1) * steps[axis])
      const out = shape.findIndex((size, axis) => size < 0 || (size > 0 && (from[axis] < 0 || last[axis] >= x.shape[axis])))
      if (out >= 0) {
        throw new EvaluationError(`a slice of ${shape[out]} from ${from[out]} leaves axis ${out} of [${x.shape.join(', ')}]`)
      }
      const own = stridesOf(x.shape)
      const offset = from.reduce((sum, start, axis) => sum + start * own[axis], 0)
      return hostTensor(
        shape,
        x.dtype,
        strided(
          x.values,
          shape,
          own.map((stride, axis) => stride * steps[axis]),
          offset,
        ),
      )
    },
  },
  concat: {
    ...movement,
    doc: 'Operands one after the other along an axis; all other axes agree.',
    formula: 'y = [x0; x1; ...]',
    infer(inputs, { axis }) {
      if (inputs.length === 0) return fail('takes one operand or more')
      const [first] = inputs
      const complaint = wantAxis(first, axis)
      if (complaint) return complaint
      const others = (shape: readonly Dim[]): readonly Dim[] => shape.filter((_, i) => i !== axis)
      for (const [i, input] of inputs.entries()) {
        const agree = input.shape.length === first.shape.length && sameShape(others(input.shape), others(first.shape))
        const shapes = `operand 0 is ${shapeText(first.shape)}, operand ${i} is ${shapeText(input.shape)}`
        if (!agree) return fail(`${shapes}: only axis ${axis} may differ`)
        if (input.dtype !== first.dtype) return fail(`operand 0 is ${first.dtype}, operand ${i} is ${input.dtype}`)
      }
      const size = inputs.map((input) => input.shape[axis]).reduce((a, b) => add(a, b))
      return { shape: first.shape.with(axis, size), dtype: first.dtype }
    },
    evaluate: (parts, { axis }) => concatenate(parts, axis),
  },
  optimization_barrier: {
    ...movement,
    since: 'optimised',
    doc: 'A recompute barrier: x itself, but ops on the two sides are not merged, so that values are recomputed later and not kept in memory.',
    formula: 'y = x',
    infer: (inputs) => wantCount(inputs, 1) ?? inputs[0],
    evaluate: ([x]) => x,
  },
}
