/** Laws of numbers that hold for every f32 and i32, -0, infinities and NaN included. */
import { rule, type Rule } from '../rewrite.ts'
import { isOp, isUniform, NONE, uniform } from './match.ts'

/** Whether 1 / x is an ordinary f32 and exact. */
const isPowerOfTwo = (x: number): boolean => Number.isInteger(Math.log2(Math.abs(x))) && Math.abs(Math.log2(Math.abs(x))) <= 126

export const arithmetic: readonly Rule[] = [
  rule('multiply-by-one', 'multiply', 'x * 1  ==>  x', ({ inputs: [a, b] }) =>
    isUniform(b, 1) ? a : isUniform(a, 1) ? b : null,
  ),
  rule('multiply-by-zero', 'multiply', 'x * 0  ==>  0, in i32', ({ inputs, shape, dtype }, make) =>
    dtype === 'i32' && inputs.some((input) => uniform(input) === 0) ? make.filled(shape, 'i32', 0) : null,
  ),
  rule('divide-by-one', 'divide', 'x / 1  ==>  x', ({ inputs: [a, b] }) => (isUniform(b, 1) ? a : null)),
  rule('divide-by-power-of-two', 'divide', 'x / 2^n  ==>  x * 2^-n, in f32', ({ inputs: [a, b], dtype, shape }, make) => {
    const by = uniform(b)
    if (dtype !== 'f32' || by === undefined || !isPowerOfTwo(by)) return null
    return make('multiply', [a, make.filled(shape, 'f32', 1 / by)], NONE)
  }),
  // 0 will not do in f32: -0 + 0 is 0
  rule('add-negative-zero', 'add', 'x + (-0)  ==>  x', ({ inputs: [a, b], dtype }) =>
    dtype !== 'f32' ? null : isUniform(b, -0) ? a : isUniform(a, -0) ? b : null,
  ),
  rule('add-zero', 'add', 'x + 0  ==>  x, in i32', ({ inputs: [a, b], dtype }) =>
    dtype !== 'i32' ? null : uniform(b) === 0 ? a : uniform(a) === 0 ? b : null,
  ),
  rule('subtract-zero', 'subtract', 'x - 0  ==>  x', ({ inputs: [a, b], dtype }) =>
    (dtype === 'i32' ? uniform(b) === 0 : isUniform(b, 0)) ? a : null,
  ),
  rule('add-negation', 'add', 'a + (-b)  ==>  a - b', ({ inputs: [a, b] }, make) => {
    if (isOp(b, 'negate')) return make('subtract', [a, b.inputs[0]], NONE)
    return isOp(a, 'negate') ? make('subtract', [b, a.inputs[0]], NONE) : null
  }),
  rule('subtract-negation', 'subtract', 'a - (-b)  ==>  a + b', ({ inputs: [a, b] }, make) =>
    isOp(b, 'negate') ? make('add', [a, b.inputs[0]], NONE) : null,
  ),
  rule('power-of-one', 'power', 'x^1  ==>  x', ({ inputs: [a, b] }) => (isUniform(b, 1) ? a : null)),
  // also where a device's power knows no base below 0
  rule('square', 'power', 'x^2  ==>  x * x', ({ inputs: [a, b] }, make) =>
    isUniform(b, 2) ? make('multiply', [a, a], NONE) : null,
  ),
  rule('double-negation', 'negate', '-(-x)  ==>  x', ({ inputs: [x] }) => (isOp(x, 'negate') ? x.inputs[0] : null)),
  rule('abs-of-abs', 'abs', '||x||, |-x|  ==>  |x|', ({ inputs: [x] }, make) =>
    isOp(x, 'abs') ? x : isOp(x, 'negate') ? make('abs', [x.inputs[0]], NONE) : null,
  ),
  rule('floor-of-floor', 'floor', 'floor(floor(x))  ==>  floor(x)', ({ inputs: [x] }) => (isOp(x, 'floor') ? x : null)),
  rule('extreme-of-equal', ['minimum', 'maximum'], 'min(x, x), max(x, x)  ==>  x', ({ inputs: [a, b] }) => (a === b ? a : null)),
]
