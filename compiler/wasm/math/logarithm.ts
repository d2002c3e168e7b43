/**
 * Natural logarithms in f64x2. x = 2^e m with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s) with s = (m - 1) / (m + 1), by its
 * series up to s^13; rounded to f32 once. ln 0 = -infinity, NaN below 0.
 *
 * log: at most 0.51 units in the last place from the exact value; log1p: at most 1.
 */
import { inDoubles } from './doubles.ts'
import { choose, f32, f64, horner, op, shift, type Vector } from '../vector.ts'

const SERIES = [1, 1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 11, 1 / 13, 1 / 15]
/** sqrt(1/2), where the range of mantissas begins. */
const HALF_ROOT = f64(Math.SQRT1_2)
/** 2^52 + 2^51: an integer added to it stands in the lowest bits. */
const INTEGER = 6755399441055744

/** ln of a positive finite normal f64. */
export function logarithmOfDouble(x: Vector): Vector {
  // exponent of x / sqrt(1/2), so that m lies around 1: the bits are an integer whose high part is the exponent
  const bits = op('i64x2.sub', x, HALF_ROOT)
  const exponent = shift('i64x2.shr_s', bits, 52)
  const mantissa = op('i64x2.sub', x, shift('i64x2.shl', exponent, 52))
  const e = op('f64x2.sub', op('i64x2.add', exponent, f64(INTEGER)), f64(INTEGER))
  const s = op('f64x2.div', op('f64x2.sub', mantissa, f64(1)), op('f64x2.add', mantissa, f64(1)))
  const series = op('f64x2.mul', op('f64x2.add', s, s), horner('f64x2', op('f64x2.mul', s, s), SERIES))
  return op('f64x2.add', op('f64x2.mul', e, f64(Math.LN2)), series)
}

export function logarithm(x: Vector): Vector {
  const positive = inDoubles(logarithmOfDouble, x)
  const infinite = choose(op('f32x4.eq', x, f32(Infinity)), x, positive)
  const zero = choose(op('f32x4.eq', x, f32(0)), f32(-Infinity), infinite)
  return choose(op('f32x4.ge', x, f32(0)), zero, f32(NaN))
}

/** Where |x| is less, x - x^2/2 + x^3/3 is exact to f32. */
const SMALL = 2 ** -10

export function logarithmOfOnePlus(x: Vector): Vector {
  const direct = inDoubles((half) => logarithmOfDouble(op('f64x2.add', half, f64(1))), x)
  const series = op('f32x4.add', x, op('f32x4.mul', op('f32x4.mul', x, x), horner('f32x4', x, [-1 / 2, 1 / 3, -1 / 4])))
  const near = choose(op('f32x4.lt', op('f32x4.abs', x), f32(SMALL)), series, direct)
  const infinite = choose(op('f32x4.eq', x, f32(Infinity)), x, near)
  const zero = choose(op('f32x4.eq', x, f32(-1)), f32(-Infinity), infinite)
  // -0 stays -0
  const kept = choose(op('f32x4.eq', x, f32(0)), x, zero)
  return choose(op('f32x4.ge', x, f32(-1)), kept, f32(NaN))
}
