/**
 * The operations on single numbers: the vocabulary of scalar expressions, and what each computes, in f64. The graph has an op of
 * the same name for each, which applies it to every element.
 */
import { floorQuotient, floorRemainder, power, wholeRemainder } from './arithmetic.ts'
import { erf, half, sigmoid, softplus } from './functions.ts'

export type ScalarType = 'f32' | 'i32' | 'u32' | 'bool'

/**
 * By the kind of the operands: f32; i32 and u32, where the result wraps; bool, which is 0 or 1. A kind that is absent is not
 * allowed.
 */
interface Operation<F> {
  readonly real?: F
  readonly integer?: F
  readonly bool?: F
  /** Whether the result is a bool, whatever the operands are. */
  readonly isComparison?: true
}

type Unary = Operation<(x: number) => number>
type Binary = Operation<(a: number, b: number) => number>

const real = <F>(f: F): { readonly real: F } => ({ real: f })
const bool = <F>(f: F): { readonly bool: F } => ({ bool: f })
const numeric = <F>(f: F, integer: F = f): { readonly real: F; readonly integer: F } => ({ real: f, integer })

const ordered = (f: (a: number, b: number) => boolean) => {
  const compare = (a: number, b: number): number => (f(a, b) ? 1 : 0)
  return { ...numeric(compare), isComparison: true } as const
}
const equal = (a: number, b: number): number => (a === b ? 1 : 0)

export const UNARY = {
  negate: numeric((x) => -x),
  exp: real(Math.exp),
  log: real(Math.log),
  log1p: real(Math.log1p),
  sqrt: real(Math.sqrt),
  rsqrt: real((x) => 1 / Math.sqrt(x)),
  abs: numeric(Math.abs),
  sin: real(Math.sin),
  cos: real(Math.cos),
  tanh: real(Math.tanh),
  atan: real(Math.atan),
  erf: real(erf),
  sigmoid: real(sigmoid),
  softplus: real(softplus),
  floor: real(Math.floor),
  sign: numeric(Math.sign),
  not: bool((x) => 1 - x),
  cast_f16: real(half),
} as const satisfies Readonly<Record<string, Unary>>

export const BINARY = {
  add: numeric((a, b) => a + b),
  subtract: numeric((a, b) => a - b),
  multiply: numeric((a, b) => a * b, Math.imul),
  divide: numeric((a, b) => a / b, floorQuotient),
  power: real(power),
  minimum: numeric(Math.min),
  maximum: numeric(Math.max),
  remainder: numeric(floorRemainder, wholeRemainder),
  less: ordered((a, b) => a < b),
  less_equal: ordered((a, b) => a <= b),
  equal: { ...numeric(equal), bool: equal, isComparison: true },
  and: bool(Math.min),
  or: bool(Math.max),
} as const satisfies Readonly<Record<string, Binary>>

export type UnaryOpcode = keyof typeof UNARY
export type BinaryOpcode = keyof typeof BINARY

export const UNARY_OPCODES = Object.keys(UNARY) as readonly UnaryOpcode[]
export const BINARY_OPCODES = Object.keys(BINARY) as readonly BinaryOpcode[]

const KINDS = { f32: 'real', i32: 'integer', u32: 'integer', bool: 'bool' } as const satisfies Readonly<
  Record<ScalarType, keyof Unary>
>

/**
 * What it computes on operands of a type; undefined where it takes none of that type. The result of i32 and u32 is not yet
 * wrapped.
 */
export const unaryFunction = (opcode: UnaryOpcode, type: ScalarType): ((x: number) => number) | undefined =>
  (UNARY[opcode] as Unary)[KINDS[type]]
export const binaryFunction = (opcode: BinaryOpcode, type: ScalarType): ((a: number, b: number) => number) | undefined =>
  (BINARY[opcode] as Binary)[KINDS[type]]

/** The type of the result of operands of a type. */
export const resultType = <T extends ScalarType>(opcode: BinaryOpcode, type: T): T | 'bool' =>
  (BINARY[opcode] as Binary).isComparison ? 'bool' : type

/** A value stored in its type: integers wrap. */
export function wrap(type: ScalarType, value: number): number {
  switch (type) {
    case 'u32':
      return Math.trunc(value) >>> 0
    case 'i32':
      return Math.trunc(value) | 0
    case 'f32':
    case 'bool':
      return value
    default:
      return type satisfies never
  }
}
