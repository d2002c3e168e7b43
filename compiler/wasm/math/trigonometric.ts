/**
 * sin and cos in f64x2. Up to 2^20, x = n pi/2 + r with |r| <= pi/4, pi/2 in two parts. Beyond, the fraction of x / 2 pi is
 * summed over pieces of 1 / 2 pi of 24 bits: each product with x is exact, and so is its fraction (Payne and Hanek, "Radian
 * reduction for trigonometric functions", 1983). Both series of r are good to 1e-12; n modulo 4 chooses one and its sign;
 * rounded to f32 once.
 *
 * At most 0.6 units in the last place up to 2^20, 1e-7 absolutely beyond. Not finite: NaN.
 */
import { choose, f32, f64, horner, op, shift, type Vector } from '../vector.ts'
import { inDoubles } from './doubles.ts'

/** pi / 2: 33 bits, and the rest. */
const HALF_PI_HIGH = 1.57079632673412561417
const HALF_PI_LOW = 6.07710050650619224932e-11
/** 1 / 2 pi, 24 bits each: enough for 2^128 with 64 bits behind the point. */
const PIECES = [2670176, 14390161, 346751, 644596, 8211767, 7354072, 10839631, 1106960]
const INTEGER = 6755399441055744
const LARGE = 2 ** 20
const SINE = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800]
const COSINE = [1, -1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600]

const fraction = (x: Vector): Vector => op('f64x2.sub', x, op('f64x2.floor', x))

/** n, a whole number that counts quarters of a turn up to whole turns, and r. */
interface Reduced {
  readonly n: Vector
  readonly r: Vector
}

function small(x: Vector): Reduced {
  const n = op('f64x2.nearest', op('f64x2.mul', x, f64(2 / Math.PI)))
  const r = op('f64x2.sub', op('f64x2.sub', x, op('f64x2.mul', n, f64(HALF_PI_HIGH))), op('f64x2.mul', n, f64(HALF_PI_LOW)))
  return { n, r }
}

function large(x: Vector): Reduced {
  const turns = PIECES.map((piece, at) => fraction(op('f64x2.mul', x, f64(piece * 2 ** (-24 * (at + 1))))))
  const turn = fraction(turns.reduce((sum, part) => op('f64x2.add', sum, part)))
  const quarters = op('f64x2.mul', turn, f64(4))
  const n = op('f64x2.nearest', quarters)
  return { n, r: op('f64x2.mul', op('f64x2.sub', quarters, n), f64(Math.PI / 2)) }
}

/** Either reduction, by the size of x. */
function either(x: Vector): Reduced {
  const [near, far] = [small(x), large(x)]
  const isFar = op('f64x2.gt', op('f64x2.abs', x), f64(LARGE))
  return { n: choose(isFar, far.n, near.n), r: choose(isFar, far.r, near.r) }
}

/** sin(x + quarters pi/2). */
const sineFrom =
  (quarters: number, reduce: (x: Vector) => Reduced) =>
  (x: Vector): Vector => {
    const { n, r } = reduce(x)
    const square = op('f64x2.mul', r, r)
    const sine = op('f64x2.mul', r, horner('f64x2', square, SINE))
    const cosine = horner('f64x2', square, COSINE)
    // n and the offset stand in the lowest bits of the sum
    const bits = op('f64x2.add', n, f64(INTEGER + quarters))
    const isOdd = op('i64x2.sub', f64(0), shift('i64x2.shr_u', shift('i64x2.shl', bits, 63), 63))
    const sign = shift('i64x2.shl', shift('i64x2.shr_u', bits, 1), 63)
    return op('v128.xor', choose(isOdd, cosine, sine), sign)
  }

const sineBy =
  (reduce: (x: Vector) => Reduced) =>
  (x: Vector): Vector =>
    // -0 stays -0, which the reduction would lose
    choose(op('f32x4.eq', x, f32(0)), x, inDoubles(sineFrom(0, reduce), x))
const cosineBy =
  (reduce: (x: Vector) => Reduced) =>
  (x: Vector): Vector =>
    inDoubles(sineFrom(1, reduce), x)

/** Whether an angle needs the second reduction: few do, and it is most of the work. */
export const isFarAngle = (x: Vector): Vector => op('f32x4.gt', op('f32x4.abs', x), f32(LARGE))
export const [sine, cosine] = [sineBy(either), cosineBy(either)]
/** The same where no angle is far. */
export const [nearSine, nearCosine] = [sineBy(small), cosineBy(small)]
