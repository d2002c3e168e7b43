/**
 * e^x in f32x4. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial of degree 6; 2^n is added to the exponent. A result
 * below 2^-126, the least normal number, is 0: denormal operands would make the products after it many times slower.
 *
 * At most 1.5 units in the last place from the exact value.
 */
import { choose, f32, horner, i32, op, shift, type Vector } from '../vector.ts'

/** ln 2 in two parts; the first has so few bits that n times it is exact. */
const LN2_HIGH = 0.693359375
const LN2_LOW = -2.1219444e-4
/** (e^r - 1 - r) / r^2 on |r| <= 0.35, minimax for the relative error of e^r: 3.4e-9. */
const TAIL = [0.5000000100983342, 0.16666512890684074, 0.04166618726539049, 0.008369598203474464, 0.0013951718681287418]
/** The largest f32 whose exponential is finite, and the least whose exponential is normal. */
const MOST = 88.72283172607422
const LEAST = -87.33654022216797

export function exponential(x: Vector): Vector {
  const n = op('f32x4.nearest', op('f32x4.mul', x, f32(Math.LOG2E)))
  const r = op('f32x4.sub', op('f32x4.sub', x, op('f32x4.mul', n, f32(LN2_HIGH))), op('f32x4.mul', n, f32(LN2_LOW)))
  const tail = op('f32x4.mul', op('f32x4.mul', r, r), horner('f32x4', r, TAIL))
  const mantissa = op('f32x4.add', op('f32x4.add', tail, r), f32(1))
  const scaled = op('i32x4.add', mantissa, shift('i32x4.shl', op('i32x4.trunc_sat_f32x4_s', n), 23))
  const finite = choose(op('f32x4.gt', x, f32(MOST)), f32(Infinity), scaled)
  return choose(op('f32x4.lt', x, f32(LEAST)), i32(0), finite)
}
