/** Ops that treat each element alone; operands have one shape. */
import type { DType, OpName, OpParams } from '../graph/vocabulary.ts'
import type { BinaryOpcode, Expression, UnaryOpcode } from '../scalar/expression.ts'
import { floorQuotient, floorRemainder, power, wholeRemainder } from '../scalar/arithmetic.ts'
import { erf, half, sigmoid, softplus, toInteger } from './functions.ts'
import {
  absolute,
  EXACT,
  inherited,
  ROUNDED,
  ulp,
  type Accuracy,
  type OpRecord,
  type Records,
  type ShapeError,
  type TensorType,
} from './record.ts'
import { fail, firstOf, sameShape, shapeText, wantCount, wantType } from './shapes.ts'
import { hostTensor, type HostTensor } from './tensor.ts'

type Unary = (x: number) => number
type Binary = (x: number, y: number) => number
/** The function by the dtype of its operands; a dtype that is absent is refused. */
type ByType<F> = Partial<Record<DType, F>>

interface Facets<F> {
  readonly doc: string
  readonly formula: string
  readonly accuracy: Accuracy
  readonly functions: ByType<F>
  /** The dtype of the result where it is not the operands'. */
  readonly result?: DType
  readonly commutative?: boolean
  readonly isFlat?: true
}

const dtypesOf = (functions: ByType<unknown>): DType[] => Object.keys(functions) as DType[]

function wantOneShape(inputs: readonly TensorType[]): ShapeError | null {
  const odd = inputs.findIndex((input) => !sameShape(input.shape, inputs[0].shape))
  return odd < 0 ? null : fail(`operand 0 is ${shapeText(inputs[0].shape)}, operand ${odd} is ${shapeText(inputs[odd].shape)}`)
}

const wantOneType = (a: TensorType, b: TensorType): ShapeError | null =>
  a.dtype === b.dtype ? null : fail(`operands are ${a.dtype} and ${b.dtype}`)

function map1(x: HostTensor, dtype: DType, f: Unary): HostTensor {
  const values = new Float64Array(x.values.length)
  for (let i = 0; i < values.length; i++) values[i] = f(x.values[i])
  return hostTensor(x.shape, dtype, values)
}

function map2(x: HostTensor, y: HostTensor, dtype: DType, f: Binary): HostTensor {
  const values = new Float64Array(x.values.length)
  for (let i = 0; i < values.length; i++) values[i] = f(x.values[i], y.values[i])
  return hostTensor(x.shape, dtype, values)
}

const frame = { kind: 'elementwise', since: 'source' } as const

/** An op of one operand, spelt by the scalar word of its own name. */
function unary<N extends OpName & UnaryOpcode>(word: N, facets: Facets<Unary>): OpRecord<N> {
  const { doc, formula, accuracy, functions, isFlat } = facets
  return {
    ...frame,
    doc,
    formula,
    accuracy,
    commutative: false,
    ...(isFlat ? { isFlat } : {}),
    infer: (inputs) => firstOf(wantCount(inputs, 1)) ?? wantType(inputs[0], 'operand', ...dtypesOf(functions)) ?? inputs[0],
    evaluate: ([x]) => map1(x, x.dtype, functions[x.dtype]!),
    scalar: ([operand]): Expression => ({ kind: 'unary', type: operand.type, opcode: word, operand }),
  }
}

/** An op of two operands, spelt by the scalar word of its own name. */
function binary<N extends OpName & BinaryOpcode>(word: N, facets: Facets<Binary>): OpRecord<N> {
  const { doc, formula, accuracy, functions, result, commutative = false } = facets
  return {
    ...frame,
    doc,
    formula,
    accuracy,
    commutative,
    infer: (inputs) =>
      wantCount(inputs, 2) ??
      wantType(inputs[0], 'left', ...dtypesOf(functions)) ??
      wantOneType(inputs[0], inputs[1]) ??
      wantOneShape(inputs) ?? { shape: inputs[0].shape, dtype: result ?? inputs[0].dtype },
    evaluate: ([x, y]) => map2(x, y, result ?? x.dtype, functions[x.dtype]!),
    scalar: ([left, right]): Expression => ({ kind: 'binary', type: result ?? left.type, opcode: word, left, right }),
  }
}

const real = (formula: string, doc: string, accuracy: Accuracy, f: Unary): Facets<Unary> => ({
  formula,
  doc,
  accuracy,
  functions: { f32: f },
})

const exact = (formula: string, doc: string, functions: ByType<Unary>): Facets<Unary> => ({
  formula,
  doc,
  accuracy: EXACT,
  functions,
})

const unaries: Records<OpName & UnaryOpcode> = {
  negate: unary('negate', exact('y = -x', 'The opposite; i32 wraps.', { f32: (x) => -x, i32: (x) => -x | 0 })),
  abs: unary('abs', exact('y = |x|', 'The size; i32 wraps.', { f32: Math.abs, i32: (x) => Math.abs(x) | 0 })),
  sign: unary('sign', { ...exact('y = sign(x)', '-1, 0 or 1; NaN of NaN.', { f32: Math.sign, i32: Math.sign }), isFlat: true }),
  not: unary('not', exact('y = not x', 'The other truth value.', { bool: (x) => 1 - x })),
  floor: unary('floor', {
    ...real('y = floor(x)', 'The greatest whole number that is not above x, as f32.', EXACT, Math.floor),
    isFlat: true,
  }),
  exp: unary('exp', real('y = e^x', 'The exponential; 3 + 2|x| units in the last place.', inherited('3 + 2|x| ulp'), Math.exp)),
  log: unary('log', real('y = ln x', 'The natural logarithm; NaN below 0.', ulp(3), Math.log)),
  log1p: unary('log1p', real('y = ln(1 + x)', 'The logarithm near 1; NaN below -1.', inherited('log(1 + x)'), Math.log1p)),
  sqrt: unary('sqrt', real('y = x^(1/2)', 'The square root; NaN below 0.', inherited('1 / rsqrt(x)'), Math.sqrt)),
  rsqrt: unary(
    'rsqrt',
    real('y = x^(-1/2)', 'One over the square root; NaN below 0.', ulp(2), (x) => 1 / Math.sqrt(x)),
  ),
  sin: unary(
    'sin',
    real(
      'y = sin x',
      'The sine of an angle in radians; beyond 1e5 a device only keeps it from -1 to 1.',
      absolute(2 ** -11),
      Math.sin,
    ),
  ),
  cos: unary(
    'cos',
    real(
      'y = cos x',
      'The cosine of an angle in radians; beyond 1e5 a device only keeps it from -1 to 1.',
      absolute(2 ** -11),
      Math.cos,
    ),
  ),
  tanh: unary('tanh', real('y = tanh x', 'The hyperbolic tangent.', absolute(1e-5), Math.tanh)),
  erf: unary('erf', real('y = 2/sqrt(pi) * integral of exp(-t^2) for t in 0..x', 'The error function.', absolute(1e-6), erf)),
  sigmoid: unary(
    'sigmoid',
    real('y = 1 / (1 + exp(-x))', 'The logistic function; never overflows.', inherited('1 / (1 + exp(-x))'), sigmoid),
  ),
  softplus: unary(
    'softplus',
    real('y = ln(1 + exp(x))', 'Never overflows.', inherited('maximum(x, 0) + log1p(exp(-|x|))'), softplus),
  ),
  cast_f16: unary('cast_f16', real('y = f16(x)', 'The nearest f16 number, infinite from 65520 on; stored as f16.', EXACT, half)),
}

const arithmetic = (formula: string, doc: string, accuracy: Accuracy, f32: Binary, i32: Binary): Facets<Binary> => ({
  formula,
  doc,
  accuracy,
  functions: { f32, i32 },
})

const comparison = (formula: string, f: Binary, dtypes: readonly DType[]): Facets<Binary> => ({
  formula,
  doc: 'A truth value; false where an operand is NaN.',
  accuracy: EXACT,
  result: 'bool',
  functions: Object.fromEntries(dtypes.map((dtype) => [dtype, f])),
})

const logical = (formula: string, f: Binary): Facets<Binary> => ({
  formula,
  doc: 'Of truth values.',
  accuracy: EXACT,
  functions: { bool: f },
  commutative: true,
})

const commutes = <F>(facets: Facets<F>): Facets<F> => ({ ...facets, commutative: true })

const NAN_WINS = 'NaN where one is NaN.'

const binaries: Records<OpName & BinaryOpcode> = {
  add: binary(
    'add',
    commutes(
      arithmetic(
        'y = a + b',
        'i32 wraps.',
        ROUNDED,
        (x, y) => x + y,
        (x, y) => (x + y) | 0,
      ),
    ),
  ),
  subtract: binary(
    'subtract',
    arithmetic(
      'y = a - b',
      'i32 wraps.',
      ROUNDED,
      (x, y) => x - y,
      (x, y) => (x - y) | 0,
    ),
  ),
  multiply: binary('multiply', commutes(arithmetic('y = a * b', 'i32 wraps.', ROUNDED, (x, y) => x * y, Math.imul))),
  divide: binary(
    'divide',
    arithmetic(
      'y = a / b',
      'i32 rounds down, and a / 0 = a.',
      ulp(2.5),
      (x, y) => x / y,
      (x, y) => floorQuotient(x, y) | 0,
    ),
  ),
  remainder: binary(
    'remainder',
    arithmetic(
      'y = a - b * floor(a / b)',
      'Has the sign of b, as in Python; NaN where b is 0 or a is infinite, and 0 where b is 0 in i32.',
      ROUNDED,
      floorRemainder,
      wholeRemainder,
    ),
  ),
  power: binary('power', {
    formula: 'y = a^b',
    doc: '1 where a is 1 or b is 0, else NaN where one is NaN, and for a finite a below 0 and a b that is not whole.',
    accuracy: inherited('exp2(b * log2(a))'),
    functions: { f32: power },
  }),
  minimum: binary('minimum', commutes(arithmetic('y = min(a, b)', NAN_WINS, EXACT, Math.min, Math.min))),
  maximum: binary('maximum', commutes(arithmetic('y = max(a, b)', NAN_WINS, EXACT, Math.max, Math.max))),
  less: binary(
    'less',
    comparison('y = a < b', (x, y) => Number(x < y), ['f32', 'i32']),
  ),
  less_equal: binary(
    'less_equal',
    comparison('y = a <= b', (x, y) => Number(x <= y), ['f32', 'i32']),
  ),
  equal: binary('equal', commutes(comparison('y = a == b', (x, y) => Number(x === y), ['f32', 'i32', 'bool']))),
  and: binary('and', logical('y = a and b', Math.min)),
  or: binary('or', logical('y = a or b', Math.max)),
}

const CASTS: Record<DType, Unary> = { f32: (x) => x, i32: toInteger, bool: (x) => Number(x !== 0) }

const others: Records<'compute_at_load' | 'stop_gradient' | 'cast' | 'select'> = {
  compute_at_load: {
    ...frame,
    accuracy: EXACT,
    commutative: false,
    doc: 'x itself, which depends on weights alone: computed once, when the weights are loaded, and kept under a name.',
    formula: 'y = x',
    infer: (inputs) => wantCount(inputs, 1) ?? inputs[0],
    evaluate: ([x]) => x,
    scalar: ([x]) => x,
  },
  stop_gradient: {
    ...frame,
    doc: 'The same values; no gradient flows.',
    formula: 'y = x',
    accuracy: EXACT,
    commutative: false,
    isFlat: true,
    infer: (inputs) => wantCount(inputs, 1) ?? inputs[0],
    evaluate: ([x]) => x,
    scalar: ([x]) => x,
  },
  cast: {
    ...frame,
    accuracy: EXACT,
    commutative: false,
    doc: 'Another dtype: to i32 towards zero and held to its range, NaN to 0; to bool, whether it is not 0; from bool, 0 or 1.',
    formula: 'y = x as dtype',
    infer: (inputs, { dtype }) => wantCount(inputs, 1) ?? { shape: inputs[0].shape, dtype },
    evaluate: ([x], { dtype }) => map1(x, dtype, CASTS[dtype]),
    scalar: ([operand], { dtype }: OpParams['cast']) => ({ kind: 'cast', type: dtype, operand }),
  },
  select: {
    ...frame,
    doc: 'Chooses element by element; the other choice may be anything, NaN included.',
    formula: 'y = condition ? then : otherwise',
    accuracy: EXACT,
    commutative: false,
    infer: (inputs) =>
      wantCount(inputs, 3) ??
      wantType(inputs[0], 'condition', 'bool') ??
      wantOneType(inputs[1], inputs[2]) ??
      wantOneShape(inputs) ??
      inputs[1],
    evaluate: ([condition, then, otherwise]) =>
      hostTensor(
        then.shape,
        then.dtype,
        then.values.map((value, i) => (condition.values[i] ? value : otherwise.values[i])),
      ),
    scalar: ([condition, then, otherwise]) => ({ kind: 'select', type: then.type, condition, then, otherwise }),
  },
}

export const elementwise = { ...unaries, ...binaries, ...others }
