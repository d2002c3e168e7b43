/** Elementwise ops: each treats every element alone; operands have one shape. */
import type { DType, OpParams } from '../graph/vocabulary.ts'
import { add, binary, divide, f32, less, multiply, select, unary, variable } from '../scalar/build.ts'
import type { Expression } from '../scalar/expression.ts'
import { toInteger } from '../scalar/functions.ts'
import { binaryFunction, resultType, unaryFunction, wrap, type BinaryOpcode, type UnaryOpcode } from '../scalar/operations.ts'
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
import { hostTensor } from './tensor.ts'

/**
 * The gradient of each f32 operand, as an expression in `dy`, the operands (`x`, or `a` and `b`) and the result `y`; or why there
 * is none.
 */
export type ElementwiseGradient =
  | { readonly kind: 'expressions'; readonly of: readonly Expression[] }
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }

/** One row per op. What the op computes is in `compiler/scalar/operations.ts`. */
interface Row {
  readonly formula: string
  /** Documentation of the op, and of the builtin of the language. */
  readonly doc: string
  readonly accuracy: Accuracy
  readonly gradient: ElementwiseGradient
  readonly commutative?: true
  /** Whether one element takes dozens of instructions, so that computing it twice costs more than loading it. */
  readonly isExpensive?: true
}

const [X, A, B, Y, DY] = ['x', 'a', 'b', 'y', 'dy'].map((name) => variable('f32', name))
const ONE = f32(1)
const ZERO = f32(0)

const subtract = (a: Expression, b: Expression): Expression => binary('subtract', a, b)
const negate = (a: Expression): Expression => unary('negate', a)
const square = (a: Expression): Expression => multiply(a, a)
const cube = (a: Expression): Expression => multiply(square(a), a)

const gradient = (...of: readonly Expression[]): ElementwiseGradient => ({ kind: 'expressions', of })
/** By the derivative of the only operand. */
const slope = (derivative: Expression): ElementwiseGradient => gradient(multiply(DY, derivative))
const over = (divisor: Expression): ElementwiseGradient => gradient(divide(DY, divisor))
const STEPS: ElementwiseGradient = { kind: 'none', reason: 'it is constant between its steps' }
const BOOLS: ElementwiseGradient = { kind: 'none', reason: 'truth values have no slope' }

const row = (accuracy: Accuracy, formula: string, doc: string, gradient: ElementwiseGradient): Row => ({
  accuracy,
  formula,
  doc,
  gradient,
})
const expensive = (...cells: Parameters<typeof row>): Row => ({ ...row(...cells), isExpensive: true })
const commutative = (...cells: Parameters<typeof row>): Row => ({ ...row(...cells), commutative: true })

const ANGLE = 'of an angle in radians; beyond 1e5 a device only keeps it from -1 to 1.'

const UNARY: { readonly [O in UnaryOpcode]: Row } = {
  negate: row(EXACT, 'y = -x', 'The value with the other sign; i32 wraps.', gradient(negate(DY))),
  exp: expensive(inherited('3 + 2|x| ulp'), 'y = e^x', 'e to the power x.', slope(Y)),
  log: expensive(ulp(3), 'y = ln x', 'The natural logarithm; NaN below 0.', over(X)),
  log1p: expensive(inherited('log(1 + x)'), 'y = ln(1 + x)', 'log(1 + x), exact near 0; NaN below -1.', over(add(X, ONE))),
  sqrt: row(inherited('1 / rsqrt(x)'), 'y = x^(1/2)', 'The square root; NaN below 0.', over(multiply(Y, f32(2)))),
  rsqrt: row(ulp(2), 'y = x^(-1/2)', '1 / sqrt(x); NaN below 0.', slope(multiply(cube(Y), f32(-0.5)))),
  abs: row(EXACT, 'y = |x|', 'The absolute value; i32 wraps.', slope(unary('sign', X))),
  sin: expensive(absolute(2 ** -11), 'y = sin x', `The sine ${ANGLE}`, slope(unary('cos', X))),
  cos: expensive(absolute(2 ** -11), 'y = cos x', `The cosine ${ANGLE}`, slope(negate(unary('sin', X)))),
  tanh: expensive(absolute(1e-5), 'y = tanh x', 'The hyperbolic tangent.', slope(subtract(ONE, square(Y)))),
  atan: expensive(ulp(4), 'y = arctan x', 'The inverse tangent, from -pi/2 to pi/2 radians.', over(add(square(X), ONE))),
  erf: expensive(
    absolute(1e-6),
    'y = 2/sqrt(pi) * integral of exp(-t^2) for t in 0..x',
    'The error function.',
    slope(multiply(unary('exp', negate(square(X))), f32(2 / Math.sqrt(Math.PI)))),
  ),
  sigmoid: expensive(
    inherited('1 / (1 + exp(-x))'),
    'y = 1 / (1 + exp(-x))',
    'The logistic function; never overflows.',
    slope(multiply(Y, subtract(ONE, Y))),
  ),
  softplus: expensive(
    inherited('maximum(x, 0) + log1p(exp(-|x|))'),
    'y = ln(1 + exp(x))',
    'log(1 + exp(x)); never overflows.',
    slope(unary('sigmoid', X)),
  ),
  floor: row(EXACT, 'y = floor(x)', 'The largest whole number not above x, as f32.', STEPS),
  sign: row(EXACT, 'y = sign(x)', '-1, 0 or 1; NaN of NaN.', STEPS),
  not: row(EXACT, 'y = not x', 'True where x is false.', BOOLS),
  cast_f16: row(EXACT, 'y = f16(x)', 'The nearest f16 value, infinite from 65520 on; stored as f16.', {
    kind: 'refused',
    reason: 'what is rounded is chosen after differentiation',
  }),
}

/** The selected operand gets the whole gradient; of equal ones, the right operand: relu(0) has the slope 0. */
const winner = (isLeft: Expression): ElementwiseGradient => gradient(select(isLeft, DY, ZERO), select(isLeft, ZERO, DY))

// where a is 0 its logarithm is not finite, and y does not depend on b
const POWER = gradient(
  multiply(DY, multiply(B, binary('power', A, subtract(B, ONE)))),
  multiply(DY, multiply(Y, unary('log', select(binary('equal', A, ZERO), ONE, A)))),
)

const DA = divide(DY, B)
const DIVIDE = gradient(DA, negate(multiply(DA, Y)))
const REMAINDER = gradient(DY, negate(multiply(DY, divide(subtract(A, Y), B))))

const REMAINDER_DOC =
  'The remainder, with the sign of the divisor, as in Python; NaN where the divisor is 0 or the dividend is infinite; in i32, 0 where the divisor is 0.'
const POWER_DOC =
  'The power; 1 where the base is 1 or the exponent is 0, else NaN where one is NaN, and for a finite base below 0 and an exponent that is not whole.'

const BINARY: { readonly [O in BinaryOpcode]: Row } = {
  add: commutative(ROUNDED, 'y = a + b', 'The sum; i32 wraps.', gradient(DY, DY)),
  subtract: row(ROUNDED, 'y = a - b', 'The difference; i32 wraps.', gradient(DY, negate(DY))),
  multiply: commutative(ROUNDED, 'y = a * b', 'The product; i32 wraps.', gradient(multiply(DY, B), multiply(DY, A))),
  divide: row(ulp(2.5), 'y = a / b', 'The quotient; i32 rounds down, and a division by 0 gives the dividend.', DIVIDE),
  power: expensive(inherited('exp2(b * log2(a))'), 'y = a^b', POWER_DOC, POWER),
  minimum: commutative(EXACT, 'y = min(a, b)', 'The smaller of two; NaN where one is NaN.', winner(less(A, B))),
  maximum: commutative(EXACT, 'y = max(a, b)', 'The larger of two; NaN where one is NaN.', winner(less(B, A))),
  remainder: row(ROUNDED, 'y = a - b * floor(a / b)', REMAINDER_DOC, REMAINDER),
  less: row(EXACT, 'y = a < b', 'Whether the left is below the right; false where one is NaN.', BOOLS),
  less_equal: row(EXACT, 'y = a <= b', 'Whether the left is at most the right; false where one is NaN.', BOOLS),
  equal: commutative(EXACT, 'y = a == b', 'Whether two are the same; false where one is NaN.', BOOLS),
  and: commutative(EXACT, 'y = a and b', 'Whether both are true.', BOOLS),
  or: commutative(EXACT, 'y = a or b', 'Whether one is true.', BOOLS),
}

export const gradientOf = (op: UnaryOpcode | BinaryOpcode): ElementwiseGradient => ({ ...UNARY, ...BINARY })[op].gradient

const DTYPES: readonly DType[] = ['f32', 'i32', 'bool']

function wantOneShape(inputs: readonly TensorType[]): ShapeError | null {
  const odd = inputs.findIndex((input) => !sameShape(input.shape, inputs[0].shape))
  return odd < 0 ? null : fail(`operand 0 is ${shapeText(inputs[0].shape)}, operand ${odd} is ${shapeText(inputs[odd].shape)}`)
}

const wantOneType = (a: TensorType, b: TensorType): ShapeError | null =>
  a.dtype === b.dtype ? null : fail(`operands are ${a.dtype} and ${b.dtype}`)

const base = { kind: 'elementwise', since: 'source', commutative: false } as const

/** The fields that the row states; without a gradient, an op from reals to reals is flat. */
const facets = ({ gradient, ...row }: Row, givesReals: boolean) => ({
  ...base,
  ...row,
  ...(givesReals && gradient.kind === 'none' ? ({ isFlat: true } as const) : {}),
})

const wrapped = (dtype: DType, values: Float64Array): Float64Array =>
  dtype === 'i32' ? values.map((value) => wrap(dtype, value)) : values

function unaryRecord<O extends UnaryOpcode>(opcode: O): OpRecord<O> {
  const dtypes = DTYPES.filter((dtype) => unaryFunction(opcode, dtype) !== undefined)
  return {
    ...facets(UNARY[opcode], dtypes.includes('f32')),
    infer: (inputs) => firstOf(wantCount(inputs, 1)) ?? wantType(inputs[0], 'operand', ...dtypes) ?? inputs[0],
    evaluate([{ shape, dtype, values }]) {
      const compute = unaryFunction(opcode, dtype)!
      return hostTensor(
        shape,
        dtype,
        wrapped(
          dtype,
          values.map((x) => compute(x)),
        ),
      )
    },
    scalar: ([operand]) => ({ kind: 'unary', type: operand.type, opcode, operand }),
  }
}

function binaryRecord<O extends BinaryOpcode>(opcode: O): OpRecord<O> {
  const dtypes = DTYPES.filter((dtype) => binaryFunction(opcode, dtype) !== undefined)
  return {
    ...facets(BINARY[opcode], dtypes.includes('f32') && resultType(opcode, 'f32') === 'f32'),
    infer: (inputs) =>
      wantCount(inputs, 2) ??
      wantType(inputs[0], 'left', ...dtypes) ??
      wantOneType(inputs[0], inputs[1]) ??
      wantOneShape(inputs) ?? { shape: inputs[0].shape, dtype: resultType(opcode, inputs[0].dtype) },
    evaluate([a, b]) {
      const [compute, dtype] = [binaryFunction(opcode, a.dtype)!, resultType(opcode, a.dtype)]
      const values = a.values.map((x, at) => compute(x, b.values[at]))
      return hostTensor(a.shape, dtype, wrapped(dtype, values))
    },
    scalar: ([left, right]) => ({ kind: 'binary', type: resultType(opcode, left.type), opcode, left, right }),
  }
}

const recordsOf = <O extends UnaryOpcode | BinaryOpcode>(
  rows: { readonly [K in O]: Row },
  record: (opcode: O) => OpRecord<O>,
): Records<O> => Object.fromEntries((Object.keys(rows) as O[]).map((opcode) => [opcode, record(opcode)])) as unknown as Records<O>

const CASTS: Record<DType, (x: number) => number> = { f32: (x) => x, i32: toInteger, bool: (x) => Number(x !== 0) }

const identity = {
  ...base,
  formula: 'y = x',
  accuracy: EXACT,
  infer: (inputs: readonly TensorType[]) => wantCount(inputs, 1) ?? inputs[0],
} as const

const others: Records<'compute_at_load' | 'stop_gradient' | 'cast' | 'select'> = {
  compute_at_load: {
    ...identity,
    doc: 'x itself, computed once when the weights are loaded and kept under a name.',
    evaluate: ([x]) => x,
    scalar: ([x]) => x,
  },
  stop_gradient: {
    ...identity,
    doc: 'x itself, but no gradient flows through it.',
    isFlat: true,
    evaluate: ([x]) => x,
    scalar: ([x]) => x,
  },
  cast: {
    ...base,
    accuracy: EXACT,
    doc: 'The same numbers in another dtype: to i32 towards zero, limited to its range, NaN to 0; to bool, whether it is not 0; from bool, 0 or 1.',
    formula: 'y = x as dtype',
    infer: (inputs, { dtype }) => wantCount(inputs, 1) ?? { shape: inputs[0].shape, dtype },
    evaluate: ([{ shape, values }], { dtype }) => hostTensor(shape, dtype, values.map(CASTS[dtype])),
    scalar: ([operand], { dtype }: OpParams['cast']) => ({ kind: 'cast', type: dtype, operand }),
  },
  select: {
    ...base,
    doc: 'x where the condition is true, y elsewhere; the other choice may be anything, NaN included.',
    formula: 'y = condition ? then : otherwise',
    accuracy: EXACT,
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

export const elementwise: Records<UnaryOpcode | BinaryOpcode | keyof typeof others> = {
  ...recordsOf(UNARY, unaryRecord),
  ...recordsOf(BINARY, binaryRecord),
  ...others,
}
