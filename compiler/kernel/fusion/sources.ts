/** The materialized values that nodes are computed from. */
import type { Node } from '../../graph/node.ts'
import type { Fusion } from '../group.ts'

/** The materialized ones among the nodes, and among all that the others are inlined from. */
export function sourcesOf(nodes: readonly Node[], { isMaterialized }: Pick<Fusion, 'isMaterialized'>): ReadonlySet<Node> {
  const seen = new Set(nodes)
  for (const node of seen) if (!isMaterialized(node)) for (const input of node.inputs) seen.add(input)
  return new Set([...seen].filter(isMaterialized))
}
