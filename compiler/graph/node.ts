/** Nodes of the tensor graph: plain, frozen, interned by their builder. */
import type { Dim } from '../../plan/dim.ts'
import type { OutputRole } from '../../plan/output-role.ts'
import type { PlanState } from '../../plan/plan.ts'
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
  readonly outputs: readonly Output[]
  readonly docs: Readonly<Record<string, string>>
  /** What runs keep of the tokens that they were given; absent where nothing is kept. */
  readonly state?: PlanState
  /** Where the decisions of each moe stand among the outputs, in the order of the run; there where they were asked for. */
  readonly routes?: readonly RoutePorts[]
  /** The same among the inputs, where decisions are given and not made. */
  readonly replayed?: readonly RoutePorts[]
}

export interface Output {
  readonly name: string
  readonly node: Node
  readonly doc: string
  /** Absent for an output that the model declares. */
  readonly role?: OutputRole
  /** After the run the values are those of the weight of this name, and are not read back. */
  readonly replaces?: string
}

/** Names of outputs or of inputs. */
export interface RoutePorts {
  /** `layers.0/moe` */
  readonly layer: string
  readonly experts: number
  /** i32 [T, K]: -1 where a slot is dropped. */
  readonly selected: string
  /** f32 [T, K]: 0 where a slot is dropped. */
  readonly weights: string
  /** f32 [T]: the weight that dropped slots leave to the shared experts; null where they leave none. */
  readonly spilled: string | null
  readonly promises: RoutingRequirements
}

/** What is required of decisions and can be told from them alone; `text` is the requirement's own. */
export interface RoutingRequirements {
  /** No slot is dropped. */
  readonly answersAll: { readonly text: string } | null
  /** So many tokens an expert at most. */
  readonly most: { readonly text: string; readonly tokens: Dim } | null
  /** The experts of a token lie in `keep` groups of the `count`. */
  readonly groups: { readonly text: string; readonly count: number; readonly keep: number } | null
  /** The load of each expert lies so many percent from the mean of all at most. */
  readonly within: number | null
}
