/** The types of scalar expressions: what each opcode takes and gives. */
import { operandsOf } from './build.ts'
import type { BinaryOpcode, Expression, ScalarType, UnaryOpcode } from './expression.ts'

const NUMBERS: readonly ScalarType[] = ['f32', 'i32', 'u32']
const SIGNED: readonly ScalarType[] = ['f32', 'i32']
const FLOATS: readonly ScalarType[] = ['f32']
const TRUTH: readonly ScalarType[] = ['bool']
const ALL: readonly ScalarType[] = [...NUMBERS, 'bool']

const UNARY: { readonly [O in UnaryOpcode]: readonly ScalarType[] } = {
  negate: SIGNED,
  not: TRUTH,
  abs: SIGNED,
  sign: SIGNED,
  floor: FLOATS,
  exp: FLOATS,
  log: FLOATS,
  log1p: FLOATS,
  sqrt: FLOATS,
  rsqrt: FLOATS,
  sin: FLOATS,
  cos: FLOATS,
  tanh: FLOATS,
  erf: FLOATS,
  sigmoid: FLOATS,
  softplus: FLOATS,
  cast_f16: FLOATS,
}

const BINARY: { readonly [O in BinaryOpcode]: readonly [operands: readonly ScalarType[], gives: 'bool' | 'operand'] } = {
  add: [NUMBERS, 'operand'],
  subtract: [NUMBERS, 'operand'],
  multiply: [NUMBERS, 'operand'],
  divide: [NUMBERS, 'operand'],
  remainder: [NUMBERS, 'operand'],
  power: [FLOATS, 'operand'],
  minimum: [NUMBERS, 'operand'],
  maximum: [NUMBERS, 'operand'],
  less: [NUMBERS, 'bool'],
  less_equal: [NUMBERS, 'bool'],
  equal: [ALL, 'bool'],
  and: [TRUTH, 'operand'],
  or: [TRUTH, 'operand'],
}

const among = (type: ScalarType, types: readonly ScalarType[], what: string): string | null =>
  types.includes(type) ? null : `${what} of ${type}, which takes ${types.join(', ')}`

const is = (actual: ScalarType, wanted: ScalarType, what: string): string | null =>
  actual === wanted ? null : `${what} is ${actual}, not ${wanted}`

/** What is wrong with the type of an expression, whose operands are right; null where nothing is. Names are not looked up. */
export function typeFault(e: Expression): string | null {
  switch (e.kind) {
    case 'literal':
    case 'variable':
      return null
    case 'size':
      return is(e.type, 'u32', 'a size')
    case 'load':
      return is(e.index.type, 'u32', `the index of @${e.buffer}`)
    case 'element':
      return is(e.index.type, 'u32', `the index of ${e.array}`)
    case 'unary':
      return among(e.operand.type, UNARY[e.opcode], e.opcode) ?? is(e.type, e.operand.type, `the result of ${e.opcode}`)
    case 'binary': {
      const [operands, gives] = BINARY[e.opcode]
      return (
        is(e.right.type, e.left.type, `the right operand of ${e.opcode}`) ??
        among(e.left.type, operands, e.opcode) ??
        is(e.type, gives === 'bool' ? 'bool' : e.left.type, `the result of ${e.opcode}`)
      )
    }
    case 'select':
      return (
        is(e.condition.type, 'bool', 'the condition of select') ??
        is(e.otherwise.type, e.then.type, 'one choice of select') ??
        is(e.type, e.then.type, 'the result of select')
      )
    case 'cast':
      return null
    case 'call':
      return operandsOf(e).map((operand) => is(operand.type, 'u32', `an operand of ${e.opcode}`)).find((fault) => fault !== null) ?? null
    case 'reduce':
      return is(e.extent.type, 'u32', `the extent of ${e.opcode}`) ?? among(e.body.type, NUMBERS, e.opcode) ?? is(e.type, e.body.type, `the result of ${e.opcode}`)
    default:
      return e satisfies never
  }
}
