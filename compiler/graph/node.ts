/** Nodes of the tensor graph: plain, frozen, interned by their builder. */
import type { Dim } from '../../plan/dim.ts'
import type { Span } from '../../grammar/source.ts'
import type { DType, OpName, OpParams } from './vocabulary.ts'

/** Where a node comes from: the words that ask for it, and the chain of instances that leads there. */
export interface Origin {
  readonly span: Span | null
  /** `layers.0/attention`, outermost first; empty in the model itself. */
  readonly instance: string
}

export type Node<N extends OpName = OpName> = {
  [K in N]: {
    /** Ascending: an operand's id is below its user's. Unique within a builder. */
    readonly id: number
    readonly op: K
    readonly inputs: readonly Node[]
    readonly params: OpParams[K]
    readonly shape: readonly Dim[]
    readonly dtype: DType
    readonly origin: Origin
  }
}[N]

export interface Graph {
  readonly name: string
  readonly doc: string
  /** Symbolic dims, bound by the shapes of the inputs. */
  readonly dims: readonly { readonly name: string; readonly doc: string }[]
  readonly inputs: readonly (Node<'input'> & { readonly op: 'input' })[]
  readonly outputs: readonly { readonly name: string; readonly node: Node; readonly doc: string }[]
  readonly docs: Readonly<Record<string, string>>
  /** Where the decisions of each moe stand among the outputs, in the order of the run; there where they were asked for. */
  readonly routes?: readonly RoutePorts[]
}

/** Names of two outputs: i32 [T, K] and f32 [T, K]. */
export interface RoutePorts {
  /** `layers.0/moe` */
  readonly layer: string
  readonly experts: number
  readonly selected: string
  readonly weights: string
}
