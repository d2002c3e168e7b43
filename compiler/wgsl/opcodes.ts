/** WGSL of the scalar opcodes, as tables, and the helper functions that some of them call. */
import type { BinaryOpcode, CallOpcode, ReduceOpcode, ScalarType, UnaryOpcode } from '../scalar/expression.ts'

/**
 * Whether the WGSL of an operand is the literal zero: a shader may not divide an integer by it, and a driver may fold a float
 * division.
 */
const isZero = (text: string): boolean => /^\(?-?0(\.0f|i|u)\)?$/.test(text)

/** Whether an emitted f32 operand is a literal that is not finite. */
const isInfinite = (text: string): boolean => /^smoe_real\(0x[7f]f800000u\)$/.test(text)

/** A driver may take a product with a literal zero to be 0 whatever the other operand is. */
const multiplyByZero = (x: string, zero: string): string =>
  zero.includes('-') || zero.includes('0xf') ? `(-smoe_times_zero(${x}))` : `smoe_times_zero(${x})`

const multiply = (a: string, b: string, type: ScalarType): string => {
  if (type === 'f32' && isZero(b)) return multiplyByZero(a, b)
  return type === 'f32' && isZero(a) ? multiplyByZero(b, a) : `(${a} * ${b})`
}

const divideReals = (a: string, b: string): string => {
  if (isZero(a)) return a.includes('-') ? `(-smoe_zero_over(${b}))` : `smoe_zero_over(${b})`
  // a driver may divide by multiplying by the inverse, which is a literal zero
  return isInfinite(b) ? multiplyByZero(a, b) : `(${a} / ${b})`
}

/** a / 0 is a times infinity in f32, a for integers. */
const divideByZero = (a: string, zero: string, type: ScalarType): string =>
  type === 'f32' ? `(${a} * ${emitLiteral('f32', zero.includes('-') ? -Infinity : Infinity)})` : a

/** `smoe_...` functions are in HELPERS. */
export const UNARY: { readonly [W in UnaryOpcode]: (x: string, type: ScalarType) => string } = {
  negate: (x) => `(-${x})`,
  not: (x) => `(!${x})`,
  abs: (x) => `abs(${x})`,
  sign: (x, type) => (type === 'f32' ? `smoe_sign(${x})` : `sign(${x})`),
  floor: (x) => `floor(${x})`,
  exp: (x) => `smoe_exp(${x})`,
  log: (x) => `smoe_log(${x})`,
  log1p: (x) => `smoe_log1p(${x})`,
  sqrt: (x) => `sqrt(${x})`,
  rsqrt: (x) => `inverseSqrt(${x})`,
  sin: (x) => `smoe_sin(${x})`,
  cos: (x) => `smoe_cos(${x})`,
  tanh: (x) => `smoe_tanh(${x})`,
  atan: (x) => `smoe_atan(${x})`,
  erf: (x) => `smoe_erf(${x})`,
  sigmoid: (x) => `(1.0f / (1.0f + smoe_exp(-${x})))`,
  softplus: (x) => `smoe_softplus(${x})`,
  cast_f16: (x) => `smoe_half(${x})`,
}

export const BINARY: { readonly [W in BinaryOpcode]: (a: string, b: string, type: ScalarType) => string } = {
  add: (a, b) => `(${a} + ${b})`,
  // a driver may fold x - x to 0, also for NaN and infinity
  subtract: (a, b, type) => (type === 'f32' && a === b ? `smoe_less_itself(${a})` : `(${a} - ${b})`),
  multiply,
  divide: (a, b, type) => {
    if (isZero(b)) return divideByZero(a, b, type)
    if (type === 'f32') return divideReals(a, b)
    return type === 'i32' ? `smoe_floor_quotient(${a}, ${b})` : `(${a} / ${b})`
  },
  remainder: (a, b, type) => {
    if (isZero(b)) return emitLiteral(type, type === 'f32' ? NaN : 0)
    if (type === 'u32') return `(${a} % ${b})`
    return type === 'f32' ? `smoe_remainder(${a}, ${b})` : `smoe_whole_remainder(${a}, ${b})`
  },
  power: (a, b) => `smoe_power(${a}, ${b})`,
  minimum: (a, b, type) => (type === 'f32' ? `smoe_minimum(${a}, ${b})` : `min(${a}, ${b})`),
  maximum: (a, b, type) => (type === 'f32' ? `smoe_maximum(${a}, ${b})` : `max(${a}, ${b})`),
  less: (a, b) => `(${a} < ${b})`,
  less_equal: (a, b) => `(${a} <= ${b})`,
  equal: (a, b) => `(${a} == ${b})`,
  and: (a, b) => `(${a} && ${b})`,
  or: (a, b) => `(${a} || ${b})`,
}

export const CALL: { readonly [W in CallOpcode]: (operands: readonly string[]) => string } = {
  random_bits: (operands) => `smoe_philox(${operands.join(', ')})`,
}

interface ReduceText {
  readonly combine: (a: string, b: string, type: ScalarType) => string
  readonly subgroup: (x: string, type: ScalarType) => string
}

export const REDUCE: { readonly [W in ReduceOpcode]: ReduceText } = {
  sum: { combine: (a, b) => `${a} + ${b}`, subgroup: (x) => `subgroupAdd(${x})` },
  max: { combine: BINARY.maximum, subgroup: (x, type) => (type === 'f32' ? `smoe_subgroup_maximum(${x})` : `subgroupMax(${x})`) },
  min: { combine: BINARY.minimum, subgroup: (x, type) => (type === 'f32' ? `smoe_subgroup_minimum(${x})` : `subgroupMin(${x})`) },
}

/** A conversion between types; floats beyond the range of an integer type are clamped to it. */
export function emitCast(to: ScalarType, x: string, from: ScalarType): string {
  const isWhole = to === 'i32' || to === 'u32'
  return isWhole && from === 'f32' ? `smoe_to_${to}(${x})` : `${to}(${x})`
}

/**
 * Functions that WGSL lacks, or whose specified accuracy is too low (its sin and cos have an absolute error of 2^-11, near zero
 * only). A module declares those that it calls.
 */
export const HELPERS: Readonly<Record<string, string>> = {
  // a call is not a const-expression, in which WGSL refuses NaN and infinities
  smoe_real: `fn smoe_real(bits: u32) -> f32 {
  return bitcast<f32>(bits);
}`,
  // by its bits: a driver may assume finite math and fold x != x to false
  smoe_is_nan: `fn smoe_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`,
  // the built-in functions of WGSL may return anything for NaN: 0, infinity, or the other operand
  smoe_sign: `fn smoe_sign(x: f32) -> f32 {
  return select(sign(x), x, smoe_is_nan(x));
}`,
  smoe_less_itself: `fn smoe_less_itself(x: f32) -> f32 {
  return select(0.0f, smoe_real(0x7fc00000u), (bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u);
}`,
  // x 0: a zero of the sign of x, NaN where x is not finite
  smoe_times_zero: `fn smoe_times_zero(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return select(bitcast<f32>(bits & 0x80000000u), smoe_real(0x7fc00000u), (bits & 0x7fffffffu) >= 0x7f800000u);
}`,
  // 0 / x: a zero of the sign of x, NaN where x is 0 or NaN
  smoe_zero_over: `fn smoe_zero_over(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  return select(bitcast<f32>(bits & 0x80000000u), smoe_real(0x7fc00000u), size == 0u || size > 0x7f800000u);
}`,
  smoe_exp: `fn smoe_exp(x: f32) -> f32 {
  return select(exp(x), x, smoe_is_nan(x));
}`,
  smoe_minimum: `fn smoe_minimum(a: f32, b: f32) -> f32 {
  return select(min(a, b), smoe_real(0x7fc00000u), smoe_is_nan(a) | smoe_is_nan(b));
}`,
  smoe_maximum: `fn smoe_maximum(a: f32, b: f32) -> f32 {
  return select(max(a, b), smoe_real(0x7fc00000u), smoe_is_nan(a) | smoe_is_nan(b));
}`,
  smoe_subgroup_minimum: `fn smoe_subgroup_minimum(x: f32) -> f32 {
  return select(subgroupMin(x), smoe_real(0x7fc00000u), subgroupAny(smoe_is_nan(x)));
}`,
  smoe_subgroup_maximum: `fn smoe_subgroup_maximum(x: f32) -> f32 {
  return select(subgroupMax(x), smoe_real(0x7fc00000u), subgroupAny(smoe_is_nan(x)));
}`,
  // WGSL clamps to the largest f32 in range, which is 127 below the largest i32
  smoe_to_i32: `fn smoe_to_i32(x: f32) -> i32 {
  return select(select(i32(x), 2147483647i, x >= 2147483648.0f), 0i, smoe_is_nan(x));
}`,
  smoe_to_u32: `fn smoe_to_u32(x: f32) -> u32 {
  return select(select(u32(x), 4294967295u, x >= 4294967296.0f), 0u, smoe_is_nan(x));
}`,
  // WGSL's log is good to 2^-21 near 1, and an adapter may give any number at 0 and below: x = m * 2^e with m from sqrt(1/2) to
  // sqrt(2), log m = 2 artanh((m - 1) / (m + 1)); log 2 is split so that e times its first part is exact
  smoe_log: `fn smoe_log(x: f32) -> f32 {
  let tiny = abs(x) < 1.17549435e-38f;
  let bits = bitcast<u32>(select(x, x * 8388608.0f, tiny));
  let shifted = bits + 0x004afb0du;
  let e = f32(i32(shifted >> 23u) - 127) - select(0.0f, 23.0f, tiny);
  let m = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u);
  let s = (m - 1.0f) / (m + 1.0f);
  let z = s * s;
  let value = e * 0.693359375f + (2.0f * s * (1.0f + z * (0.333333333f + z * (0.2f + z * (0.142857143f + z * 0.111111111f)))) - e * 2.12194440e-4f);
  let edge = select(smoe_real(0x7fc00000u), x, bits == 0x7f800000u);
  return select(select(value, edge, bits >= 0x7f800000u), smoe_real(0xff800000u), (bits & 0x7fffffffu) == 0u);
}`,
  // log(1 + x) without losing a small x: 2 artanh(x / (2 + x)) near zero
  smoe_log1p: `fn smoe_log1p(x: f32) -> f32 {
  let s = x / (2.0f + x);
  let z = s * s;
  let near = 2.0f * s * (1.0f + z * (0.333333333f + z * (0.2f + z * (0.142857143f + z * 0.111111111f))));
  return select(smoe_log(1.0f + x), near, abs(x) < 0.29f);
}`,
  // a conversion of WGSL may round either way, and give anything beyond the range: 13 of the 23 places go, ties to the even
  // number; below 2^-14 numbers of f16 lie 2^-24 apart
  smoe_half: `fn smoe_half(x: f32) -> f32 {
  let size = abs(x);
  let bits = bitcast<u32>(size);
  let near = bitcast<f32>((bits + 0x0fffu + ((bits >> 13u) & 1u)) & 0xffffe000u);
  let rounded = select(near, round(size * 16777216.0f) * 5.9604644775390625e-8f, bits < 0x38800000u);
  let value = select(rounded, smoe_real(0x7f800000u), bits >= 0x477ff000u);
  return select(bitcast<f32>(bitcast<u32>(value) | (bitcast<u32>(x) & 0x80000000u)), x, bits > 0x7f800000u);
}`,
  // of a number of f16: exact, but WGSL promises nothing for what is not finite
  smoe_f16: `fn smoe_f16(x: f32) -> f16 {
  let edge = bitcast<vec2<f16>>(select(0x7e00u, ((bitcast<u32>(x) >> 16u) & 0x8000u) | 0x7c00u, (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u)).x;
  return select(edge, f16(x), abs(x) < 65520.0f);
}`,
  smoe_softplus: `fn smoe_softplus(x: f32) -> f32 {
  return max(x, 0.0f) + smoe_log1p(smoe_exp(-abs(x)));
}`,
  // odd series near zero, where (e - 1) / (e + 1) cancels
  smoe_tanh: `fn smoe_tanh(x: f32) -> f32 {
  let s = x * x;
  let near = x * (1.0f + s * (-0.333333333f + s * (0.133333333f + s * (-0.0539682540f + s * 0.0218694885f))));
  let e = smoe_exp(-2.0f * abs(x));
  let far = sign(x) * (1.0f - e) / (1.0f + e);
  return select(far, near, abs(x) < 0.35f);
}`,
  // Cephes' atanf: below tan(pi / 8) a polynomial; above, the angle from pi / 4, and from pi / 2 beyond tan(3 pi / 8)
  smoe_atan: `fn smoe_atan(x: f32) -> f32 {
  let size = abs(x);
  let isMiddle = size > 0.414213562f;
  let isLarge = size > 2.41421356f;
  let t = select(select(size, (size - 1.0f) / (size + 1.0f), isMiddle), -1.0f / size, isLarge);
  let base = select(select(0.0f, 0.785398163f, isMiddle), 1.57079633f, isLarge);
  let z = t * t;
  let value = base + (t + t * z * (-0.333329491539f + z * (0.199777106478f + z * (-0.138776856032f + z * 0.0805374449538f))));
  return select(select(value, -value, x < 0.0f), x, smoe_is_nan(x));
}`,
  // series near zero; Abramowitz and Stegun 7.1.26 is too coarse for f32, so a continued product of exp(-x^2) with a rational fit
  // by Numerical Recipes' Chebyshev form (fractional error 1.2e-7) is used beyond
  smoe_erf: `fn smoe_erf(x: f32) -> f32 {
  let s = x * x;
  let near = x * (1.12837917f + s * (-0.376126389f + s * (0.112837917f + s * (-0.0268661706f + s * (0.00522397763f + s * -0.000854832702f)))));
  let a = abs(x);
  let t = 1.0f / (1.0f + 0.5f * a);
  let r = t * smoe_exp(-a * a - 1.26551223f + t * (1.00002368f + t * (0.37409196f + t * (0.09678418f + t * (-0.18628806f + t * (0.27886807f
    + t * (-1.13520398f + t * (1.48851587f + t * (-0.82215223f + t * 0.17087277f)))))))));
  return select(sign(x) * (1.0f - r), near, a < 0.5f);
}`,
  // quadrant by Cody and Waite's three-part pi / 2, then the minimax polynomials of the quadrant; beyond some 1e5 the quadrant is
  // lost, and the result only stays from -1 to 1
  smoe_sin_quadrant: `fn smoe_sin_quadrant(x: f32, shift: i32) -> f32 {
  let k = floor(x * 0.636619772f + 0.5f);
  let rest = ((x - k * 1.5703125f) - k * 4.837512969970703125e-4f) - k * 7.549789948768648e-8f;
  let y = select(rest, clamp(rest, -0.786f, 0.786f), abs(rest) > 0.786f);
  let s = y * y;
  let sine = y + y * s * (-0.16666654611f + s * (0.0083321608736f + s * -0.00019515295891f));
  let cosine = 1.0f - 0.5f * s + s * s * (0.041666645683f + s * (-0.0013887316255f + s * 0.000024433157652f));
  let quadrant = (i32(k) + shift) & 3;
  let value = select(sine, cosine, (quadrant & 1) == 1);
  return select(value, -value, quadrant >= 2);
}`,
  smoe_sin: `fn smoe_sin(x: f32) -> f32 {
  return smoe_sin_quadrant(x, 0);
}`,
  smoe_cos: `fn smoe_cos(x: f32) -> f32 {
  return smoe_sin_quadrant(x, 1);
}`,
  // the upper half of a product of two words, from the products of their halves
  smoe_high_product: `fn smoe_high_product(a: u32, b: u32) -> u32 {
  let low = vec2<u32>(a & 0xffffu, b & 0xffffu);
  let high = vec2<u32>(a >> 16u, b >> 16u);
  let middle = high.x * low.y + ((low.x * low.y) >> 16u);
  let cross = low.x * high.y + (middle & 0xffffu);
  return high.x * high.y + (middle >> 16u) + (cross >> 16u);
}`,
  smoe_philox: `fn smoe_philox(key0: u32, key1: u32, counter0: u32, counter1: u32, place: u32) -> u32 {
  var key = vec2<u32>(key0, key1);
  var words = vec4<u32>(counter0, counter1, 0u, 0u);
  for (var round = 0u; round < 10u; round++) {
    words = vec4<u32>(
      smoe_high_product(0xcd9e8d57u, words.z) ^ words.y ^ key.x, 0xcd9e8d57u * words.z,
      smoe_high_product(0xd2511f53u, words.x) ^ words.w ^ key.y, 0xd2511f53u * words.x);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return words[place];
}`,
  // WGSL's quotients of whole numbers are cut towards zero, with a remainder that has the sign of a
  smoe_floor_quotient: `fn smoe_floor_quotient(a: i32, b: i32) -> i32 {
  let isBelow = (a ^ b) < 0 && b != 0 && a % b != 0;
  return a / b - select(0i, 1i, isBelow);
}`,
  smoe_whole_remainder: `fn smoe_whole_remainder(a: i32, b: i32) -> i32 {
  let rest = a % b;
  return select(rest, rest + b, rest != 0 && (rest ^ b) < 0);
}`,
  // a - b * trunc(a / b) loses all its digits where a / b is large. Long division in base 2 loses none: each part is |b| times
  // the largest power of two that the rest holds, and is at least half of it, so that the difference is exact
  smoe_remainder: `fn smoe_remainder(a: f32, b: f32) -> f32 {
  let size = bitcast<u32>(b) & 0x7fffffffu;
  let whole = bitcast<u32>(a) & 0x7fffffffu;
  if (whole >= 0x7f800000u || size > 0x7f800000u || size < 0x00800000u) {
    return smoe_real(0x7fc00000u);
  }
  var rest = whole;
  while (rest >= size) {
    var part = size + (rest & 0x7f800000u) - (size & 0x7f800000u);
    part = select(part, part - 0x00800000u, part > rest);
    rest = bitcast<u32>(bitcast<f32>(rest) - bitcast<f32>(part));
  }
  let isOther = rest != 0u && ((bitcast<u32>(a) ^ bitcast<u32>(b)) >> 31u) == 1u;
  let signed = bitcast<f32>(rest | (bitcast<u32>(a) & 0x80000000u));
  return select(signed, signed + b, isOther);
}`,
  // WGSL's pow is undefined for a negative base; a whole exponent has a value there, and any where the base is infinite
  smoe_power: `fn smoe_power(a: f32, b: f32) -> f32 {
  let size = bitcast<u32>(a) & 0x7fffffffu;
  let at_zero = select(smoe_real(0x7f800000u), 0.0f, b > 0.0f);
  let magnitude = select(exp2(b * log2(abs(a))), at_zero, size == 0u);
  let is_below = (bitcast<u32>(a) >> 31u) == 1u;
  let is_odd = b - 2.0f * floor(b * 0.5f) == 1.0f;
  let has_none = is_below & (size > 0u) & (size < 0x7f800000u) & (floor(b) != b);
  let value = select(magnitude, -magnitude, is_below & is_odd);
  let is_one = (b == 0.0f) | (bitcast<u32>(a) == 0x3f800000u) | ((a == -1.0f) & ((bitcast<u32>(b) & 0x7fffffffu) == 0x7f800000u));
  return select(select(value, smoe_real(0x7fc00000u), has_none | smoe_is_nan(a) | smoe_is_nan(b)), 1.0f, is_one);
}`,
}

const view = new DataView(new ArrayBuffer(4))

/** The bits of an f32, for values without a literal and where WGSL would evaluate a const-expression. */
export function emitBits(value: number): string {
  view.setFloat32(0, value)
  return `smoe_real(0x${(Number.isNaN(value) ? 0x7fc00000 : view.getUint32(0)).toString(16).padStart(8, '0')}u)`
}

/** A literal of a type, or its bits where it is not finite; beyond the range of f32 it is the largest f32. */
export function emitLiteral(type: ScalarType, value: number): string {
  switch (type) {
    case 'bool':
      return value !== 0 ? 'true' : 'false'
    case 'u32':
      return `${value}u`
    case 'i32':
      return value === -2147483648 ? 'i32(-2147483648)' : value < 0 ? `(${value}i)` : `${value}i`
    case 'f32': {
      if (!Number.isFinite(value)) return emitBits(value)
      const rounded = Math.fround(value)
      const clamped = Number.isFinite(rounded) ? rounded : Math.sign(value) * 3.4028234663852886e38
      const text = String(clamped)
      const real = /[.e]/.test(text) ? `${text}f` : `${text}.0f`
      return clamped < 0 || Object.is(clamped, -0) ? `(${Object.is(clamped, -0) ? '-0.0f' : real})` : real
    }
    default:
      return type satisfies never
  }
}
