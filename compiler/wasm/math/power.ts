/**
 * a^b in f64x2: 2^(b log2 a), rounded to f32 once. The meaning of edge cases is IEEE 754's `pow` (a^0 = 1, 1^b = 1, a negative
 * base with a whole exponent), as in the reference. A result below 2^-126 is 0.
 *
 * At most 1 unit in the last place from the exact value.
 */
import { inDoubles } from './doubles.ts'
import { logarithmOfDouble } from './logarithm.ts'
import { choose, f32, f64, horner, i32, op, shift, type Vector } from '../vector.ts'

const INTEGER = 6755399441055744
const BIAS = 1023
/** ln(2)^k / k!, for 2^r with |r| <= 1/2: the next term is 5e-13. */
const POWERS_OF_TWO = Array.from({ length: 11 }, (_, k) =>
  Array.from({ length: k }, (_, i) => Math.LN2 / (i + 1)).reduce((a, b) => a * b, 1),
)

/** 2^y for y of at most 600 either way. */
function exponentialOfTwo(y: Vector): Vector {
  const n = op('f64x2.nearest', y)
  const fraction = horner('f64x2', op('f64x2.sub', y, n), POWERS_OF_TWO)
  const power = shift('i64x2.shl', op('f64x2.add', n, f64(INTEGER + BIAS)), 52)
  return op('f64x2.mul', fraction, power)
}

const magnitude = (base: Vector, exponent: Vector): Vector => {
  const y = op('f64x2.mul', exponent, op('f64x2.mul', logarithmOfDouble(base), f64(Math.LOG2E)))
  // beyond f32 either way, and NaN stays
  return exponentialOfTwo(op('f64x2.pmax', op('f64x2.pmin', y, f64(600)), f64(-600)))
}

export function power(a: Vector, b: Vector): Vector {
  const size = op('f32x4.abs', a)
  const whole = op('f32x4.eq', op('f32x4.trunc', b), b)
  const half = op('f32x4.mul', b, f32(0.5))
  const odd = op('v128.and', whole, op('f32x4.ne', op('f32x4.trunc', half), half))
  const isNegative = op('v128.and', a, i32(-0x80000000))
  const infinity = f32(Infinity)
  const [zero, infinite] = [op('f32x4.eq', size, f32(0)), op('f32x4.eq', size, infinity)]
  const finite = inDoubles(magnitude, size, b)
  const normal = choose(op('f32x4.lt', finite, f32(2 ** -126)), f32(0), finite)
  // 0 and infinity: as the sign of the exponent has it
  const falling = op('f32x4.lt', b, f32(0))
  const ofZero = choose(falling, infinity, f32(0))
  const ofInfinity = choose(falling, f32(0), infinity)
  const sized = choose(zero, ofZero, choose(infinite, ofInfinity, normal))
  const signed = op('v128.or', sized, op('v128.and', isNegative, odd))
  // a finite negative base and an exponent that is not whole
  const undefinedHere = op('v128.andnot', op('v128.andnot', op('f32x4.lt', a, f32(0)), whole), infinite)
  const defined = choose(undefinedHere, f32(NaN), signed)
  const unordered = op('v128.or', op('f32x4.ne', a, a), op('f32x4.ne', b, b))
  const known = choose(unordered, f32(NaN), defined)
  // an infinite exponent: whether the base grows
  const above = op('f32x4.gt', size, f32(1))
  const grows = choose(op('f32x4.gt', b, f32(0)), above, op('v128.not', above))
  const ofLimit = choose(op('f32x4.eq', size, f32(1)), f32(1), choose(grows, infinity, f32(0)))
  const limited = choose(op('v128.andnot', op('f32x4.eq', op('f32x4.abs', b), infinity), op('f32x4.ne', a, a)), ofLimit, known)
  return choose(op('v128.or', op('f32x4.eq', b, f32(0)), op('f32x4.eq', a, f32(1))), f32(1), limited)
}
