/**
 * tanh, the logistic function and softplus in f32x4, made from e^x.
 *
 * tanh: at most 2 units in the last place, by x + x^3 P(x^2) below 0.625 and 1 - 2 / (e^2x + 1) from there. sigmoid: at most 3.
 * softplus: at most 2.
 */
import { exponential } from './exponential.ts'
import { logarithmOfOnePlus } from './logarithm.ts'
import { choose, f32, horner, i32, op, type Vector } from '../vector.ts'

/** (tanh(x) / x - 1) / x^2 in x^2, minimax on |x| <= 0.64: 5.4e-9. */
const TANH = [-0.33333272083, 0.13331152807677754, -0.05371410732600996, 0.020551719260664396, -0.0056039138019779765]
const SMALL = 0.625
/** From here on tanh is 1 in f32. */
const MOST = 9.1
const SIGN = i32(-0x80000000)

export function tanh(x: Vector): Vector {
  const square = op('f32x4.mul', x, x)
  const near = op('f32x4.add', x, op('f32x4.mul', op('f32x4.mul', x, square), horner('f32x4', square, TANH)))
  const size = op('f32x4.abs', x)
  const e = exponential(op('f32x4.pmin', op('f32x4.add', size, size), f32(2 * MOST)))
  const far = op('f32x4.sub', f32(1), op('f32x4.div', f32(2), op('f32x4.add', e, f32(1))))
  // the sign is that of x, also of a zero
  return op('v128.or', choose(op('f32x4.lt', size, f32(SMALL)), near, far), op('v128.and', x, SIGN))
}

/** 1 / (1 + e^-x) where x >= 0, e^x / (1 + e^x) elsewhere: neither side overflows. */
export function sigmoid(x: Vector): Vector {
  const e = exponential(op('f32x4.neg', op('f32x4.abs', x)))
  const above = choose(op('f32x4.lt', x, f32(0)), e, f32(1))
  return op('f32x4.div', above, op('f32x4.add', f32(1), e))
}

/** max(x, 0) + log1p(e^-|x|). */
export const softplus = (x: Vector): Vector =>
  op('f32x4.add', op('f32x4.max', x, f32(0)), logarithmOfOnePlus(exponential(op('f32x4.neg', op('f32x4.abs', x)))))
