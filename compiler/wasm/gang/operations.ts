/**
 * Operations of the scalar language on four threads at a time, as vector programs, and on uniform values where there is an
 * instruction.
 */
import type { BinaryOpcode, ScalarType, UnaryOpcode } from '../../scalar/expression.ts'
import type { FunctionName } from '../math/functions.ts'
import type { PlainOpcode } from '../opcodes.ts'
import { choose, f32, i32, op, shift, shuffleWords, type Vector } from '../vector.ts'

/** A bool is a mask: all ones or all zeros in each word. */
type Unary = (x: Vector) => Vector
type Binary = (a: Vector, b: Vector) => Vector

export type Implementation<F> =
  | { readonly kind: 'vector'; readonly compute: F }
  /** A function of the module. */
  | { readonly kind: 'function'; readonly name: FunctionName }

const vector = <F>(compute: F): Implementation<F> => ({ kind: 'vector', compute })
const called = (name: FunctionName): { readonly kind: 'function'; readonly name: FunctionName } => ({ kind: 'function', name })
const SIGN = i32(-0x80000000)

/** The nearest f16 as f32, ties to the even one; infinite from 65520 on. */
function nearestHalf(x: Vector): Vector {
  const size = op('f32x4.abs', x)
  const odd = op('v128.and', shift('i32x4.shr_u', size, 13), i32(1))
  const near = op('v128.and', op('i32x4.add', op('i32x4.add', size, i32(0x0fff)), odd), i32(~0x1fff))
  // below 2^-14 the numbers of f16 are 2^-24 apart
  const tiny = op('f32x4.mul', op('f32x4.nearest', op('f32x4.mul', size, f32(2 ** 24))), f32(2 ** -24))
  const rounded = choose(op('f32x4.lt', size, f32(2 ** -14)), tiny, near)
  const limited = choose(op('f32x4.ge', size, f32(65520)), f32(Infinity), rounded)
  return choose(op('f32x4.eq', x, x), op('v128.or', limited, op('v128.and', x, SIGN)), x)
}

const signOfReal = (x: Vector): Vector =>
  choose(op('f32x4.gt', op('f32x4.abs', x), f32(0)), op('v128.or', op('v128.and', x, SIGN), f32(1)), x)
const signOfWhole = (x: Vector): Vector => op('i32x4.sub', op('i32x4.lt_s', x, i32(0)), op('i32x4.gt_s', x, i32(0)))

export const UNARY: { readonly [W in UnaryOpcode]: (type: ScalarType) => Implementation<Unary> } = {
  negate: (type) => vector((x) => op(type === 'f32' ? 'f32x4.neg' : 'i32x4.neg', x)),
  not: () => vector((x) => op('v128.not', x)),
  abs: (type) => vector((x) => op(type === 'f32' ? 'f32x4.abs' : 'i32x4.abs', x)),
  sign: (type) => vector(type === 'f32' ? signOfReal : signOfWhole),
  floor: () => vector((x) => op('f32x4.floor', x)),
  exp: () => called('exp'),
  log: () => called('log'),
  log1p: () => called('log1p'),
  sqrt: () => vector((x) => op('f32x4.sqrt', x)),
  rsqrt: () => vector((x) => op('f32x4.div', f32(1), op('f32x4.sqrt', x))),
  sin: () => called('sin'),
  cos: () => called('cos'),
  atan: () => called('atan'),
  tanh: () => called('tanh'),
  erf: () => called('erf'),
  sigmoid: () => called('sigmoid'),
  softplus: () => called('softplus'),
  cast_f16: () => vector(nearestHalf),
}

/** Quotients of whole numbers by way of f64, which holds each exactly: rounded down, a itself where b is 0. */
function wholeQuotient(a: Vector, b: Vector, type: 'u32' | 'i32'): Vector {
  const [widen, narrow] =
    type === 'u32'
      ? (['f64x2.convert_low_i32x4_u', 'i32x4.trunc_sat_f64x2_u_zero'] as const)
      : (['f64x2.convert_low_i32x4_s', 'i32x4.trunc_sat_f64x2_s_zero'] as const)
  const half = (places: readonly number[]): Vector => {
    const [x, y] = [a, b].map((v) => op(widen, shuffleWords(v, v, places)))
    return op(narrow, op('f64x2.floor', op('f64x2.div', x, y)))
  }
  const quotient = shuffleWords(half([0, 1, 0, 1]), half([2, 3, 2, 3]), [0, 1, 4, 5])
  const wrapped = type === 'u32' ? quotient : choose(op('i32x4.eq', b, i32(-1)), op('i32x4.neg', a), quotient)
  return choose(op('i32x4.eq', b, i32(0)), a, wrapped)
}

const wholeRemainder = (a: Vector, b: Vector, type: 'u32' | 'i32'): Vector =>
  choose(op('i32x4.eq', b, i32(0)), i32(0), op('i32x4.sub', a, op('i32x4.mul', b, wholeQuotient(a, b, type))))

const byType =
  (names: { readonly [T in ScalarType]?: PlainOpcode }) =>
  (type: ScalarType): Implementation<Binary> => {
    const name = names[type]
    if (name === undefined) throw new Error(`no instruction for ${type}`)
    return vector((a, b) => op(name, a, b))
  }

const whole =
  (f: (a: Vector, b: Vector, type: 'u32' | 'i32') => Vector, real: Implementation<Binary>) =>
  (type: ScalarType): Implementation<Binary> =>
    type === 'f32' ? real : vector((a, b) => f(a, b, type === 'u32' ? 'u32' : 'i32'))

/** By the type of the operands. */
export const BINARY: { readonly [W in BinaryOpcode]: (type: ScalarType) => Implementation<Binary> } = {
  add: byType({ f32: 'f32x4.add', i32: 'i32x4.add', u32: 'i32x4.add' }),
  subtract: byType({ f32: 'f32x4.sub', i32: 'i32x4.sub', u32: 'i32x4.sub' }),
  multiply: byType({ f32: 'f32x4.mul', i32: 'i32x4.mul', u32: 'i32x4.mul' }),
  divide: whole(
    wholeQuotient,
    vector((a, b) => op('f32x4.div', a, b)),
  ),
  remainder: whole(wholeRemainder, called('remainder')),
  power: () => called('power'),
  minimum: byType({ f32: 'f32x4.min', i32: 'i32x4.min_s', u32: 'i32x4.min_u' }),
  maximum: byType({ f32: 'f32x4.max', i32: 'i32x4.max_s', u32: 'i32x4.max_u' }),
  less: byType({ f32: 'f32x4.lt', i32: 'i32x4.lt_s', u32: 'i32x4.lt_u' }),
  less_equal: byType({ f32: 'f32x4.le', i32: 'i32x4.le_s', u32: 'i32x4.le_u' }),
  equal: byType({ f32: 'f32x4.eq', i32: 'i32x4.eq', u32: 'i32x4.eq', bool: 'i32x4.eq' }),
  and: byType({ bool: 'v128.and' }),
  or: byType({ bool: 'v128.or' }),
}

/** Instructions for uniform values; others are computed as a vector of equal values. */
export const SCALAR_UNARY: { readonly [W in UnaryOpcode]?: { readonly [T in ScalarType]?: PlainOpcode } } = {
  negate: { f32: 'f32.neg' },
  not: { bool: 'i32.eqz' },
  abs: { f32: 'f32.abs' },
  floor: { f32: 'f32.floor' },
  sqrt: { f32: 'f32.sqrt' },
}

export const SCALAR_BINARY: { readonly [W in BinaryOpcode]?: { readonly [T in ScalarType]?: PlainOpcode } } = {
  add: { f32: 'f32.add', i32: 'i32.add', u32: 'i32.add' },
  subtract: { f32: 'f32.sub', i32: 'i32.sub', u32: 'i32.sub' },
  multiply: { f32: 'f32.mul', i32: 'i32.mul', u32: 'i32.mul' },
  divide: { f32: 'f32.div' },
  minimum: { f32: 'f32.min' },
  maximum: { f32: 'f32.max' },
  less: { f32: 'f32.lt', i32: 'i32.lt_s', u32: 'i32.lt_u' },
  less_equal: { f32: 'f32.le', i32: 'i32.le_s', u32: 'i32.le_u' },
  equal: { f32: 'f32.eq', i32: 'i32.eq', u32: 'i32.eq', bool: 'i32.eq' },
  and: { bool: 'i32.and' },
  or: { bool: 'i32.or' },
}

const NOT_ZERO: { readonly [T in ScalarType]: (x: Vector) => Vector } = {
  f32: (x) => op('f32x4.ne', x, f32(0)),
  i32: (x) => op('i32x4.ne', x, i32(0)),
  u32: (x) => op('i32x4.ne', x, i32(0)),
  bool: (x) => x,
}

/** A value as one of another type: reals towards zero and held to the range of whole numbers, NaN as 0. */
export function castVector(to: ScalarType, from: ScalarType, x: Vector): Vector {
  if (to === from) return x
  if (to === 'bool') return NOT_ZERO[from](x)
  if (from === 'bool') return op('v128.and', x, to === 'f32' ? f32(1) : i32(1))
  if (to === 'f32') return op(from === 'u32' ? 'f32x4.convert_i32x4_u' : 'f32x4.convert_i32x4_s', x)
  if (from === 'f32') return op(to === 'u32' ? 'i32x4.trunc_sat_f32x4_u' : 'i32x4.trunc_sat_f32x4_s', x)
  return x
}
