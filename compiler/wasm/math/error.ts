/**
 * The error function in f32x4: x P(x^2) for |x| < 1, 1 - e^-g(|x|) from there with g = -ln erfc as a polynomial, 1 from 4 on.
 *
 * At most 2 units in the last place from the exact value.
 */
import { inDoubles } from './doubles.ts'
import { exponential } from './exponential.ts'
import { choose, f32, horner, i32, op, type Vector } from '../vector.ts'

/** erf(x) / x in x^2, minimax on |x| <= 1: 8e-13. */
const NEAR = [
  1.1283791670947134, -0.3761263889010326, 0.11283791318394215, -0.026866134015888884, 0.005223786536992072,
  -0.0008542703138377241, 0.00011957331079635992, -1.3914062275131255e-5, 1.0601171042685705e-6,
]
/** -ln erfc(x), minimax on [0.95, 4.1] for the error of erf: 8.7e-11. */
const FAR = [
  -0.00015799938711517938, 1.1294347243934635, 0.6335089039443726, 0.10810202721576573, -0.02500448284964115,
  0.004127515354373923, -0.0004255022139352631, 2.032296245621566e-5,
]
const MOST = 4
const SIGN = i32(-0x80000000)

export function error(x: Vector): Vector {
  const near = inDoubles((half) => op('f64x2.mul', half, horner('f64x2', op('f64x2.mul', half, half), NEAR)), x)
  const size = op('f32x4.abs', x)
  const exponent = horner('f32x4', op('f32x4.pmin', size, f32(MOST)), FAR)
  const far = op('f32x4.sub', f32(1), exponential(op('f32x4.neg', exponent)))
  const signed = op('v128.or', choose(op('f32x4.ge', size, f32(MOST)), f32(1), far), op('v128.and', x, SIGN))
  return choose(op('f32x4.lt', size, f32(1)), near, choose(op('f32x4.ne', x, x), x, signed))
}
