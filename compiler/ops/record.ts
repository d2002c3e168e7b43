/** The record of an op: everything the compiler knows about it. */
import type { Dim, DimValues } from '../../plan/dim.ts'
import type { DType, OpName, OpParams } from '../graph/vocabulary.ts'
import type { Expression } from '../scalar/expression.ts'
import type { HostTensor } from './tensor.ts'

export type OpKind = 'leaf' | 'elementwise' | 'movement' | 'reduction' | 'contraction' | 'indexed' | 'routed' | 'custom'

/** The type of a tensor: its shape, which may be symbolic, and dtype. */
export interface TensorType {
  readonly shape: readonly Dim[]
  readonly dtype: DType
}

export interface ShapeError {
  readonly error: string
}

/** The allowed error of a device against the f64 value of the same f32 operands. */
export type Accuracy =
  /** The same value: no arithmetic, whole numbers, or truth values. */
  | { readonly kind: 'exact' }
  /** Within n units in the last place of f32; 0.5 is correct rounding. */
  | { readonly kind: 'ulp'; readonly n: number }
  /** Within an absolute error, over the ordinary range of the operand. */
  | { readonly kind: 'absolute'; readonly error: number }
  /** That of this expression, computed in f32. */
  | { readonly kind: 'inherited'; readonly from: string }

/** The stage of compilation from which the op may be used. */
export type Stage = 'source' | 'optimised'

/** The environment of an evaluation: dims, inputs and weights. */
export interface Surroundings {
  readonly dims: DimValues
  /** The values of a leaf, as declared. Throws an EvaluationError where there are none or they do not fit. */
  readonly input: (declared: OpParams['input']) => HostTensor
  /** Also of a variable or a load-time constant. */
  readonly weight: (declared: Pick<OpParams['weight'], 'name' | 'shape'>) => HostTensor
}

export interface OpRecord<N extends OpName> {
  /** One or two sentences: the meaning, the borders, ties and NaN. */
  readonly doc: string
  readonly formula: string
  readonly kind: OpKind
  /** The first stage at which it may stand in a graph. */
  readonly since: Stage
  /** Whether the op is commutative in its first two operands. */
  readonly commutative: boolean
  /** Whether no gradient flows through it though operands and result are f32. */
  readonly isFlat?: true
  /** Whether one element takes dozens of instructions, so that computing it twice costs more than loading it. */
  readonly isExpensive?: true
  readonly accuracy: Accuracy
  /** Its result's type; the error names the axes and their dims. */
  readonly infer: (inputs: readonly TensorType[], params: OpParams[N]) => TensorType | ShapeError
  /** The meaning, in f64. Operands and parameters have passed `infer`. */
  readonly evaluate: (inputs: readonly HostTensor[], params: OpParams[N], surroundings: Surroundings) => HostTensor
  /** One element from one element of each operand; null where an element needs more than that. */
  readonly scalar: ((operands: readonly Expression[], params: OpParams[N]) => Expression) | null
}

export type Records<N extends OpName> = { readonly [K in N]: OpRecord<K> }

export const EXACT: Accuracy = { kind: 'exact' }
export const ROUNDED: Accuracy = { kind: 'ulp', n: 0.5 }
export const ulp = (n: number): Accuracy => ({ kind: 'ulp', n })
export const absolute = (error: number): Accuracy => ({ kind: 'absolute', error })
export const inherited = (from: string): Accuracy => ({ kind: 'inherited', from })
