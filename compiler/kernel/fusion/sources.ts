/** What lies in memory of that which nodes are made of. */
import type { Node } from '../../graph/node.ts'
import type { Fusion } from '../group.ts'

/** Those of the nodes, and of what is read to work out the others, that lie in memory. */
export function sourcesOf(nodes: readonly Node[], { isMaterialized }: Pick<Fusion, 'isMaterialized'>): ReadonlySet<Node> {
  const seen = new Set(nodes)
  for (const node of seen) if (!isMaterialized(node)) for (const input of node.inputs) seen.add(input)
  return new Set([...seen].filter(isMaterialized))
}
