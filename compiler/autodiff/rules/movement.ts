/** Ops that move elements: the backward pass applies the inverse movement, and sums the gradients of repeated elements. */
import { ZERO, add, constantValue, multiply, subtract, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { Maker } from '../../ops/maker.ts'
import { refused, rule, type GradientRules } from '../rule.ts'

/** Pads a sliced axis back to its size before the slice: 0 where no element was taken. */
function padded(make: Maker, dy: Node, axis: number, start: Dim, step: number, extent: Dim): Node {
  const wide = step === 1 ? dy : dilated(make, dy, axis, step)
  const end = add(start, wide.shape[axis])
  // up to step - 1 elements follow the last one taken; the axis may end before all of them
  const rest = subtract(extent, end)
  const cut = constantValue(rest)
  const kept = cut !== undefined && cut < 0 ? sliced(make, wide, axis, add(wide.shape[axis], rest)) : wide
  const zeros = (size: Dim): readonly Node[] => (size === ZERO ? [] : [make.filled(kept.shape.with(axis, size), 'f32', 0)])
  const parts = [...zeros(start), kept, ...zeros(cut !== undefined && cut < 0 ? ZERO : rest)]
  return parts.length === 1 ? kept : make('concat', parts, { axis })
}

/** Dilation: elements `step` apart, with zeros between them and after the last. */
function dilated(make: Maker, dy: Node, axis: number, step: number): Node {
  const apart = make.reshape(dy, dy.shape.toSpliced(axis + 1, 0, multiply(1, 1)))
  const gaps = make.filled(apart.shape.with(axis + 1, multiply(step - 1, 1)), 'f32', 0)
  const joined = make('concat', [apart, gaps], { axis: axis + 1 })
  return make.reshape(joined, dy.shape.with(axis, multiply(dy.shape[axis], step)))
}

const sliced = (make: Maker, x: Node, axis: number, size: Dim): Node =>
  make('slice', [x], { starts: x.shape.map(() => ZERO), sizes: x.shape.with(axis, size), steps: x.shape.map(() => 1) })

/** The sum over all axes that are not in `axes`: the gradient of a broadcast. */
export function gathered(make: Maker, dy: Node, axes: readonly number[]): Node {
  const repeated = dy.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  return repeated.reduceRight((sum, axis) => make('sum', [sum], { axis }), dy)
}

export const movements: GradientRules<'reshape' | 'transpose' | 'broadcast' | 'slice' | 'concat' | 'optimization_barrier'> = {
  reshape: rule('dx = dy in the shape of x', (make, { inputs: [x] }, dy) => [make.reshape(dy, x.shape)]),
  transpose: rule('dx = dy with its axes back in their order', (make, { params: { order } }, dy) => [
    make.transpose(
      dy,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ]),
  broadcast: rule('dx = sum of dy over what was repeated', (make, { params: { axes } }, dy) => [gathered(make, dy, axes)]),
  slice: rule('dx = dy where it was taken from, 0 elsewhere', (make, { inputs: [x], params: { starts, steps } }, dy) => [
    x.shape.reduce((back, extent, axis) => padded(make, back, axis, starts[axis], steps[axis], extent), dy),
  ]),
  concat: rule('each operand its part of dy', (make, { inputs, params: { axis } }, dy) => {
    let start: Dim = ZERO
    return inputs.map((input) => {
      const starts = dy.shape.map((_, at) => (at === axis ? start : ZERO))
      start = add(start, input.shape[axis])
      return make('slice', [dy], { starts, sizes: input.shape, steps: starts.map(() => 1) })
    })
  }),
  optimization_barrier: refused('recompute barriers are inserted after differentiation'),
}
