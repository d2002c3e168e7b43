/**
 * The scalar IR of a kernel: what one thread computes. Expressions are pure and interned (a DAG); an index is a u32. Each target
 * emits it (`compiler/wgsl/emit-scalar.ts`); `interpret.ts` runs it on the host.
 */
import type { Dim } from '../../plan/dim.ts'
import type { BinaryOpcode, ScalarType, UnaryOpcode } from './operations.ts'

export type { BinaryOpcode, ScalarType, UnaryOpcode } from './operations.ts'

/**
 * `random_bits` of a key (two u32), a counter (two u32) and an index 0..3: that word of Philox 4x32-10 at the counter, whose
 * other two words are 0.
 */
export type CallOpcode = 'random_bits'

export type ReduceOpcode = 'sum' | 'max' | 'min'

export type Expression =
  | { readonly kind: 'literal'; readonly type: ScalarType; readonly value: number }
  | { readonly kind: 'variable'; readonly type: ScalarType; readonly name: string }
  /** A dimension of the plan as a u32: a constant or a formula of symbols. */
  | { readonly kind: 'size'; readonly type: 'u32'; readonly dim: Dim }
  /** One element of a buffer; the index counts elements. */
  | { readonly kind: 'load'; readonly type: ScalarType; readonly buffer: string; readonly index: Expression }
  /** One element of a private or workgroup array. */
  | { readonly kind: 'element'; readonly type: ScalarType; readonly array: string; readonly index: Expression }
  | { readonly kind: 'unary'; readonly type: ScalarType; readonly opcode: UnaryOpcode; readonly operand: Expression }
  | {
      readonly kind: 'binary'
      readonly type: ScalarType
      readonly opcode: BinaryOpcode
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'select'
      readonly type: ScalarType
      readonly condition: Expression
      readonly then: Expression
      readonly otherwise: Expression
    }
  | { readonly kind: 'cast'; readonly type: ScalarType; readonly operand: Expression }
  /** A function of more than two operands. */
  | { readonly kind: 'call'; readonly type: ScalarType; readonly opcode: CallOpcode; readonly operands: readonly Expression[] }
  /** The reduction of the body over variable = 0 .. extent - 1, in ascending order. */
  | {
      readonly kind: 'reduce'
      readonly type: ScalarType
      readonly opcode: ReduceOpcode
      readonly variable: string
      readonly extent: Expression
      readonly body: Expression
    }

export type Statement =
  /** A value that never changes. */
  | { readonly kind: 'let'; readonly name: string; readonly value: Expression }
  /** A variable that `assign` and `all-reduce` change. */
  | { readonly kind: 'var'; readonly name: string; readonly value: Expression }
  /** An array of the thread's own, of constant length. */
  | { readonly kind: 'array'; readonly name: string; readonly type: ScalarType; readonly length: number }
  | { readonly kind: 'assign'; readonly name: string; readonly value: Expression }
  | { readonly kind: 'assign-element'; readonly array: string; readonly index: Expression; readonly value: Expression }
  | { readonly kind: 'store'; readonly buffer: string; readonly index: Expression; readonly value: Expression }
  /** from, from + step, ... below `below`. */
  | {
      readonly kind: 'for'
      readonly variable: string
      readonly from: Expression
      readonly below: Expression
      readonly step: Expression
      readonly body: readonly Statement[]
    }
  | {
      readonly kind: 'if'
      readonly condition: Expression
      readonly body: readonly Statement[]
      readonly otherwise: readonly Statement[]
    }
  /**
   * A workgroup barrier, in uniform control flow: writes to workgroup arrays before it are visible after it; with `buffers`,
   * stores to buffers too.
   */
  | { readonly kind: 'barrier'; readonly buffers?: boolean }
  /** Reduces a var over all threads of the workgroup and leaves the result in each; in uniform control flow. */
  | { readonly kind: 'all-reduce'; readonly name: string; readonly type: ScalarType; readonly opcode: ReduceOpcode }
  /**
   * Reads one element of a workgroup array between two barriers, as one value for all threads: control flow that depends on it is
   * uniform and may contain barriers.
   */
  | { readonly kind: 'uniform-load'; readonly name: string; readonly array: string; readonly index: Expression }
  /** A do-while loop: runs the body, and repeats while `while`, which is uniform and may use names of the body. */
  | { readonly kind: 'loop'; readonly body: readonly Statement[]; readonly while: Expression }
  /**
   * A var that is the reduction of `value` over variable = 0 .. extent - 1, in ascending order; each time the body runs before.
   */
  | {
      readonly kind: 'reduce'
      readonly name: string
      readonly type: ScalarType
      readonly opcode: ReduceOpcode
      readonly variable: string
      readonly extent: Expression
      readonly body: readonly Statement[]
      readonly value: Expression
    }
