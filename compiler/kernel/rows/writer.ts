import type { Node } from '../../graph/node.ts'
import type { Expression, ScalarType } from '../../scalar/expression.ts'
import type { KernelScope } from '../scope/context.ts'
import type { RowMapping } from './row-mapping.ts'

/** An array in the workgroup's memory. */
export interface Shared {
  readonly name: string
  readonly type: ScalarType
  readonly length: number
}

/** What parts of a kernel over rows need to write statements. */
export interface RowWriter {
  readonly form: RowMapping
  readonly scope: KernelScope
  /** A name that is not in use. */
  fresh(base: string): string
  share(array: Shared): void
  /** The value of a node at the row, and at `i` along its last axis where it has more than one there. */
  value(node: Node, i: Expression | null): Expression
}
