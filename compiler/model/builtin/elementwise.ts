/** Functions and operators of one element at a time. */
import type { OpName } from '../../graph/vocabulary.ts'
import { floorRemainder, power } from '../../scalar/arithmetic.ts'
import type { TensorType } from '../../ops/record.ts'
import { together } from './broadcast.ts'
import { lone, tensor, type Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'

type None = Readonly<Record<string, never>>
type Unary = {
  [N in OpName]: [N] extends [
    | 'exp'
    | 'log'
    | 'log1p'
    | 'sqrt'
    | 'rsqrt'
    | 'abs'
    | 'sin'
    | 'cos'
    | 'tanh'
    | 'erf'
    | 'sigmoid'
    | 'softplus'
    | 'floor'
    | 'sign'
    | 'not'
    | 'negate'
    | 'stop_gradient',
  ]
    ? N
    : never
}[OpName]
type Binary =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'power'
  | 'minimum'
  | 'maximum'
  | 'remainder'
  | 'less'
  | 'less_equal'
  | 'equal'
  | 'and'
  | 'or'

const NONE: None = {}

const unary = (
  op: Unary,
  doc: string,
  fold: Builtin['fold'] = null,
  written: string = op,
  operator: string | null = null,
): Builtin => ({
  doc,
  fold,
  operator,
  elementwise: true,
  signature: operator === null ? `${written}(x)` : `${operator}x`,
  parameters: [tensor('x')],
  expand: (emit, [x]) => emit.make(op, [x], NONE),
})

type Join = <T extends TensorType>(emit: Emit<T>, a: T, b: T) => T

const joined = (doc: string, signature: string, operator: string | null, fold: Builtin['fold'], join: Join): Builtin => ({
  doc,
  signature,
  operator,
  fold,
  elementwise: true,
  parameters: [tensor('x'), tensor('y')],
  expand(emit, operands) {
    const [x, y] = together(emit, operands)
    return join(emit, x, y)
  },
})

const binary = (op: Binary, doc: string, signature: string, operator: string | null, fold: Builtin['fold']): Builtin =>
  joined(doc, signature, operator, fold, (emit, x, y) => emit.make(op, [x, y], NONE))

const truth = (value: boolean): number => (value ? 1 : 0)

export const ELEMENTWISE = {
  exp: unary('exp', 'e to the power x.', Math.exp),
  log: unary('log', 'The natural logarithm.', Math.log),
  log1p: unary('log1p', 'log(1 + x), exact near 0.', Math.log1p),
  sqrt: unary('sqrt', 'The square root.', Math.sqrt),
  rsqrt: unary('rsqrt', '1 / sqrt(x).', (x) => 1 / Math.sqrt(x)),
  abs: unary('abs', 'The value without its sign.', Math.abs),
  sin: unary('sin', 'The sine of an angle in radians.', Math.sin),
  cos: unary('cos', 'The cosine of an angle in radians.', Math.cos),
  tanh: unary('tanh', 'The hyperbolic tangent.', Math.tanh),
  erf: unary('erf', 'The error function.'),
  sigmoid: unary('sigmoid', '1 / (1 + exp(-x)).', (x) => 1 / (1 + Math.exp(-x))),
  softplus: unary('softplus', 'log(1 + exp(x)).', (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)))),
  floor: unary('floor', 'The largest whole number not above x.', Math.floor),
  sign: unary('sign', '-1, 0 or 1.', Math.sign),
  stop: unary('stop_gradient', 'x itself, but no gradient flows through it.', (x) => x, 'stop'),
  negate: unary('negate', 'The value with the other sign.', (x) => -x, 'negate', '-'),
  not: unary('not', 'True where x is false.', (x) => truth(x === 0), 'not', 'not '),

  pow: binary('power', 'x to the power y.', 'pow(x, y)', null, power),
  minimum: binary('minimum', 'The smaller of two.', 'minimum(x, y)', null, Math.min),
  maximum: binary('maximum', 'The larger of two.', 'maximum(x, y)', null, Math.max),
  add: binary('add', 'The sum.', 'x + y', '+', (x, y) => x + y),
  subtract: binary('subtract', 'The difference.', 'x - y', '-', (x, y) => x - y),
  multiply: binary('multiply', 'The product, element by element.', 'x * y', '*', (x, y) => x * y),
  divide: binary('divide', 'The quotient.', 'x / y', '/', (x, y) => x / y),
  remainder: binary('remainder', 'x - y * floor(x / y): the remainder, with the sign of y.', 'x % y', '%', floorRemainder),
  less: binary('less', 'Whether x is below y.', 'x < y', '<', (x, y) => truth(x < y)),
  less_equal: binary('less_equal', 'Whether x is not above y.', 'x <= y', '<=', (x, y) => truth(x <= y)),
  greater: joined(
    'Whether x is above y.',
    'x > y',
    '>',
    (x, y) => truth(x > y),
    (emit, x, y) => emit.make('less', [y, x], NONE),
  ),
  greater_equal: joined(
    'Whether x is not below y.',
    'x >= y',
    '>=',
    (x, y) => truth(x >= y),
    (emit, x, y) => emit.make('less_equal', [y, x], NONE),
  ),
  equal: binary('equal', 'Whether two are the same.', 'x == y', '==', (x, y) => truth(x === y)),
  not_equal: joined(
    'Whether two differ.',
    'x != y',
    '!=',
    (x, y) => truth(x !== y),
    (emit, x, y) => emit.make('not', [emit.make('equal', [x, y], NONE)], NONE),
  ),
  and: binary('and', 'Whether both hold.', 'x and y', 'and', (x, y) => truth(x !== 0 && y !== 0)),
  or: binary('or', 'Whether one holds.', 'x or y', 'or', (x, y) => truth(x !== 0 || y !== 0)),

  where: {
    doc: 'x where the condition holds, y elsewhere.',
    signature: 'where(condition: bool[...], x, y)',
    operator: null,
    elementwise: true,
    fold: null,
    parameters: [lone('condition'), tensor('x'), tensor('y')],
    expand: (emit, operands) => emit.make('select', together(emit, operands), NONE),
  },
  cast: {
    doc: 'The same numbers in another dtype; f32 to i32 cuts towards zero.',
    signature: 'cast(x, dtype: "f32" | "i32" | "bool")',
    operator: null,
    elementwise: true,
    fold: null,
    parameters: [lone('x'), { name: 'dtype', kind: 'dtype' }],
    expand: (emit, [x], { dtype }) => (x.dtype === dtype ? x : emit.make('cast', [x], { dtype })),
  },
} as const satisfies Readonly<Record<string, Builtin>>
