/** The operators of the text of scalar expressions, and the opcodes by name. */
import type { BinaryOpcode, CallOpcode, ReduceOpcode, ScalarType } from './expression.ts'

export interface Operator {
  readonly sign: string
  /** How tightly it binds: operators of higher levels are evaluated first, those of one level from the left. */
  readonly level: number
}

const at = (level: number, sign: string): Operator => ({ sign, level })

/** The infix operator of each binary opcode; null for those that are written as functions. */
export const INFIX: { readonly [O in BinaryOpcode]: Operator | null } = {
  or: at(0, 'or'),
  and: at(1, 'and'),
  less: at(2, '<'),
  less_equal: at(2, '<='),
  equal: at(2, '=='),
  add: at(3, '+'),
  subtract: at(3, '-'),
  multiply: at(4, '*'),
  divide: at(4, '/'),
  remainder: at(4, '%'),
  power: null,
  minimum: null,
  maximum: null,
}

export const UNARY_LEVEL = 5

/** The other opcodes, complete by type, for readers of text. */
export const REDUCE_OPCODES: { readonly [O in ReduceOpcode]: true } = { sum: true, max: true, min: true }
export const CALL_OPCODES: { readonly [O in CallOpcode]: true } = { random_bits: true }
export const SCALAR_TYPES: { readonly [T in ScalarType]: true } = { f32: true, i32: true, u32: true, bool: true }
