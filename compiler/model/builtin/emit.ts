/** The interface in which builtins expand to ops of the graph: over types when checking, over nodes when lowering. */
import type { Dim } from '../../../plan/dim.ts'
import type { DType, OpName, OpParams } from '../../graph/vocabulary.ts'
import type { TensorType } from '../../ops/record.ts'

/** A mistake in a use of a builtin. `{0}`, `{1}` stand for the operands as written. */
export interface BuiltinProblem {
  readonly message: string
  /** Offsets inside of the pattern, if the mistake is there. */
  readonly at?: readonly [number, number]
}

export interface Emit<T extends TensorType> {
  readonly make: <N extends OpName>(op: N, inputs: readonly T[], params: OpParams[N]) => T
  readonly reshape: (x: T, shape: readonly Dim[]) => T
  /** top_k with a count that may still be symbolic. */
  readonly topK: (x: T, count: Dim) => T
  /** A single number, shape []. */
  readonly constant: (value: number, dtype: DType) => T
  /** Uniform f32 numbers above 0 and below 1, a new stream at each call. */
  readonly random: (shape: readonly Dim[]) => T
  /** x [B, S, ...] behind what earlier runs gave here of the same sequences, [B, T, ...]; x itself where nothing is kept. */
  readonly cached: (x: T) => T
  /** The positions of the rows of x [B, S, ...] in their sequences, i32 [B, S]. */
  readonly positions: (x: T) => T
  /** x [B, S, ...] with the rows before it in its sequence in front, [B, count + S, ...]: zeros where there are none. */
  readonly withPrevious: (x: T, count: Dim) => T
  /** A size as an f32 number, shape []. */
  readonly size: (size: Dim) => T
  /** The canonical form of all sizes known to be equal to this one. */
  readonly settle: (size: Dim) => Dim
  /** a / b where it is known to be exact. */
  readonly divide: (a: Dim, b: Dim) => Dim | undefined
  /** Reports a mistake in the call; the result after it is ignored. */
  readonly fail: (problem: BuiltinProblem) => void
}
