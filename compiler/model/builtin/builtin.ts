/** The form of a builtin's record. */
import type { TensorType } from '../../ops/record.ts'
import type { Emit } from './emit.ts'
import type { Options } from './options.ts'

export type BuiltinParameterKind =
  /** A tensor, or a number that takes the others' dtype. */
  | 'tensor'
  /** A tensor whose dtype is independent of the others'. */
  | 'lone'
  /** A list of tensors: `[a, b]`. */
  | 'tensors'
  /** All remaining positional arguments. */
  | 'rest'
  /** A fraction known at compile time, 0 or more and below 1. */
  | 'rate'
  | 'axis'
  | 'keep'
  | 'dtype'
  | 'dims'
  | 'order'
  | 'pattern'
  | 'count'
  /** A number of rows that no run can change, 0 or more. */
  | 'rows'
  | 'iterations'
  | 'tolerance'
  /** All named ints. */
  | 'sizes'

export interface BuiltinParameter {
  readonly name: string
  readonly kind: BuiltinParameterKind
  readonly optional?: boolean
}

export interface Builtin {
  readonly doc: string
  readonly signature: string
  readonly parameters: readonly BuiltinParameter[]
  /** The symbol, for operators; null for functions. */
  readonly operator: string | null
  /** Whether element i of the result depends on element i of the operands alone, after broadcasting. */
  readonly elementwise: boolean
  /**
   * `source` draws random numbers; `noise` adds them to its first operand in training and is that operand otherwise. Absent for
   * deterministic builtins.
   */
  readonly random?: 'source' | 'noise'
  readonly expand: <T extends TensorType>(emit: Emit<T>, operands: readonly T[], options: Options) => T
}

export const tensor = (name: string): BuiltinParameter => ({ name, kind: 'tensor' })
export const lone = (name: string): BuiltinParameter => ({ name, kind: 'lone' })
