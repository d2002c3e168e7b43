/**
 * atan in f64x2. Beyond 1 it is pi/2 - atan(1/x), above tan(pi/8) it is pi/4 + atan((x - 1) / (x + 1)); what is left is at most
 * tan(pi/8), for which the series up to x^27 is good to 1e-11. Rounded to f32 once: at most 0.51 units in the last place from
 * the exact value.
 */
import { choose, f32, f64, horner, i32, op, type Vector } from '../vector.ts'
import { inDoubles } from './doubles.ts'

const TAN_OF_EIGHTH = Math.SQRT2 - 1
const SERIES = Array.from({ length: 14 }, (_, k) => (k % 2 === 0 ? 1 : -1) / (2 * k + 1))

/** Of a number that is 0 or more. */
function ofPositive(x: Vector): Vector {
  const one = f64(1)
  const isInverse = op('f64x2.gt', x, one)
  const size = choose(isInverse, op('f64x2.div', one, x), x)
  const isTurned = op('f64x2.gt', size, f64(TAN_OF_EIGHTH))
  const rest = choose(isTurned, op('f64x2.div', op('f64x2.sub', size, one), op('f64x2.add', size, one)), size)
  const series = op('f64x2.mul', rest, horner('f64x2', op('f64x2.mul', rest, rest), SERIES))
  const angle = choose(isTurned, op('f64x2.add', f64(Math.PI / 4), series), series)
  return choose(isInverse, op('f64x2.sub', f64(Math.PI / 2), angle), angle)
}

export function arctangent(x: Vector): Vector {
  const size = inDoubles(ofPositive, op('f32x4.abs', x))
  const signed = op('v128.or', size, op('v128.and', x, i32(-0x80000000)))
  return choose(op('f32x4.eq', x, x), signed, f32(NaN))
}
