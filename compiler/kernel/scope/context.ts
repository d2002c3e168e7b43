/** What every template is given: the fusion, the target and the variant of the program. */
import type { Target } from '../../../plan/target.ts'
import type { Node } from '../../graph/node.ts'
import type { Expression } from '../../scalar/expression.ts'
import { createAccessor, type Accessor } from './access.ts'
import { createNaming, type Naming } from './naming.ts'
import { memoryOf } from './memory-of.ts'
import type { Fusion } from '../group.ts'

/** The variants of a program: decode, where few rows share a weight, and prefill, for any number of tokens. */
export type Variant = 'decode' | 'prefill'

export interface ScheduleContext {
  readonly fusion: Fusion
  readonly target: Target
  readonly variant: Variant
}

export interface KernelScope {
  readonly naming: Naming
  readonly accessor: Accessor
  /** The buffer a node's values can be read from, row-major; throws where it lies in none. */
  readonly bufferOf: (node: Node) => string
}

/** A fresh scope; nodes of `own` are computed by the kernel, so they are never read back from memory. */
export function openScope(
  context: ScheduleContext,
  own: ReadonlySet<Node>,
  held?: (node: Node, indices: readonly Expression[]) => Expression | null,
): KernelScope {
  const naming = createNaming()
  const memory = (node: Node): Node | null => memoryOf(node, context.fusion.isMaterialized)
  const accessor = createAccessor({
    bufferOf: (node) => {
      if (own.has(node) || !context.fusion.isMaterialized(node)) return null
      return naming.read(node)
    },
    held,
  })
  return {
    naming,
    accessor,
    bufferOf: (node) => {
      const source = memory(node)
      if (source === null) throw new Error(`${node.op} %${node.id} lies in no buffer`)
      return naming.read(source)
    },
  }
}
