/** Movement that moves nothing, or that one step does as well as two. */
import { add, multiply, ONE, ZERO } from '../../../plan/dim.ts'
import { rule, type Rule } from '../rewrite.ts'
import { isIdentityOrder, isOp, longAxes, sameShape } from './match.ts'

const reshapes: readonly Rule[] = [
  rule('reshape-to-own-shape', 'reshape', 'reshape(x, shape of x)  ==>  x', ({ inputs: [x], shape }) =>
    sameShape(x.shape, shape) ? x : null,
  ),
  rule('reshape-of-reshape', 'reshape', 'reshape(reshape(x))  ==>  reshape(x)', ({ inputs: [x], shape }, make) =>
    isOp(x, 'reshape') ? make.reshape(x.inputs[0], shape) : null,
  ),
  rule(
    'reshape-of-broadcast-scalar',
    'reshape',
    'reshape(broadcast(scalar))  ==>  broadcast(scalar)',
    ({ inputs: [x], shape }, make) =>
      isOp(x, 'broadcast') && x.inputs[0].shape.length === 0 ? make('broadcast', [x.inputs[0]], { shape, axes: [] }) : null,
  ),
  rule(
    'unit-reshape-of-broadcast',
    'reshape',
    'reshape(broadcast(x)) that adds or removes axes of size 1  ==>  broadcast(x)',
    ({ inputs: [x], shape }, make) => {
      if (!isOp(x, 'broadcast') || x.inputs[0].shape.includes(ONE)) return null
      const [before, after] = [longAxes(x.shape), longAxes(shape)]
      const isAlike = before.length === after.length && before.every((axis, at) => x.shape[axis] === shape[after[at]])
      if (!isAlike) return null
      return make('broadcast', [x.inputs[0]], { shape, axes: x.params.axes.map((axis) => after[before.indexOf(axis)]) })
    },
  ),
]

const transposes: readonly Rule[] = [
  rule('identity-transpose', 'transpose', 'transpose(x, 0 1 2 ...)  ==>  x', ({ inputs: [x], params }) =>
    isIdentityOrder(params.order) ? x : null,
  ),
  rule('transpose-of-transpose', 'transpose', 'transpose(transpose(x))  ==>  transpose(x)', ({ inputs: [x], params }, make) =>
    isOp(x, 'transpose')
      ? make.transpose(
          x.inputs[0],
          params.order.map((axis) => x.params.order[axis]),
        )
      : null,
  ),
  rule(
    'transpose-of-unit-axes',
    'transpose',
    'transpose that moves only axes of size 1  ==>  reshape',
    ({ inputs: [x], params, shape }, make) => {
      const long = longAxes(x.shape)
      const moved = params.order.filter((axis) => long.includes(axis))
      return moved.every((axis, i) => axis === long[i]) ? make.reshape(x, shape) : null
    },
  ),
  rule(
    'transpose-of-broadcast',
    'transpose',
    'transpose(broadcast(x))  ==>  broadcast(transpose(x))',
    ({ inputs: [x], params, shape }, make) => {
      if (!isOp(x, 'broadcast')) return null
      const places = x.params.axes.map((axis, i) => ({ to: params.order.indexOf(axis), from: i })).sort((a, b) => a.to - b.to)
      const inner = make.transpose(
        x.inputs[0],
        places.map(({ from }) => from),
      )
      return make('broadcast', [inner], { shape, axes: places.map(({ to }) => to) })
    },
  ),
]

const broadcasts: readonly Rule[] = [
  rule('broadcast-to-own-shape', 'broadcast', 'broadcast(x, shape of x)  ==>  x', ({ inputs: [x], shape }) =>
    x.shape.length === shape.length ? x : null,
  ),
  rule(
    'broadcast-of-broadcast',
    'broadcast',
    'broadcast(broadcast(x))  ==>  broadcast(x)',
    ({ inputs: [x], params, shape }, make) =>
      isOp(x, 'broadcast')
        ? make('broadcast', [x.inputs[0]], { shape, axes: x.params.axes.map((axis) => params.axes[axis]) })
        : null,
  ),
  rule(
    'broadcast-along-unit-axes',
    'broadcast',
    'broadcast along new axes of size 1  ==>  reshape',
    ({ inputs: [x], params, shape }, make) =>
      x.shape.length > 0 && longAxes(shape).every((axis) => params.axes.includes(axis)) ? make.reshape(x, shape) : null,
  ),
]

const slices: readonly Rule[] = [
  rule('slice-of-everything', 'slice', 'slice of all of x  ==>  x', ({ inputs: [x], params: { starts, steps }, shape }) => {
    const isWhole = starts.every((start) => start === ZERO) && steps.every((step, axis) => step === 1 || shape[axis] === ONE)
    return isWhole && sameShape(x.shape, shape) ? x : null
  }),
  rule('slice-of-slice', 'slice', 'slice(slice(x))  ==>  slice(x)', ({ inputs: [x], params, shape }, make) => {
    if (!isOp(x, 'slice')) return null
    const starts = x.params.starts.map((start, axis) => add(start, multiply(params.starts[axis], x.params.steps[axis])))
    const steps = x.params.steps.map((step, axis) => step * params.steps[axis])
    return make('slice', [x.inputs[0]], { starts, sizes: shape, steps })
  }),
  rule(
    'slice-of-broadcast-scalar',
    'slice',
    'slice(broadcast(scalar))  ==>  broadcast(scalar)',
    ({ inputs: [x], shape }, make) =>
      isOp(x, 'broadcast') && x.inputs[0].shape.length === 0 ? make('broadcast', [x.inputs[0]], { shape, axes: [] }) : null,
  ),
  rule('concat-of-one', 'concat', 'concat(x)  ==>  x', ({ inputs }) => (inputs.length === 1 ? inputs[0] : null)),
]

export const movement: readonly Rule[] = [...reshapes, ...transposes, ...broadcasts, ...slices]
