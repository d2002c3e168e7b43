/**
 * sin and cos in f64x2. x = n pi/2 + r with |r| <= pi/4, pi/2 in two parts; both series of r up to 1e-12; n modulo 4 chooses one and its sign;
 * rounded to f32 once.
 *
 * At most 0.6 units in the last place, or 1e-9 absolutely beyond |x| = 2^20. Not finite: NaN.
 */
import { inDoubles } from './doubles.ts'
import { choose, f64, horner, op, shift, type Vector } from '../vector.ts'

/** pi / 2: 33 bits, and the rest. */
const HALF_PI_HIGH = 1.57079632673412561417
const HALF_PI_LOW = 6.07710050650619224932e-11
const INTEGER = 6755399441055744
const SINE = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800]
const COSINE = [1, -1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600]

/** sin(x + quarters pi/2). */
const sineFrom =
  (quarters: number) =>
  (x: Vector): Vector => {
    const n = op('f64x2.nearest', op('f64x2.mul', x, f64(2 / Math.PI)))
    const r = op('f64x2.sub', op('f64x2.sub', x, op('f64x2.mul', n, f64(HALF_PI_HIGH))), op('f64x2.mul', n, f64(HALF_PI_LOW)))
    const square = op('f64x2.mul', r, r)
    const sine = op('f64x2.mul', r, horner('f64x2', square, SINE))
    const cosine = horner('f64x2', square, COSINE)
    // n and the offset stand in the lowest bits of the sum
    const bits = op('f64x2.add', n, f64(INTEGER + quarters))
    const isOdd = op('i64x2.sub', f64(0), shift('i64x2.shr_u', shift('i64x2.shl', bits, 63), 63))
    const sign = shift('i64x2.shl', shift('i64x2.shr_u', bits, 1), 63)
    return op('v128.xor', choose(isOdd, cosine, sine), sign)
  }

export const sine = (x: Vector): Vector => inDoubles(sineFrom(0), x)
export const cosine = (x: Vector): Vector => inDoubles(sineFrom(1), x)
