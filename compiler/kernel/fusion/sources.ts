/** What lies in memory of that which nodes are made of. */
import type { Node } from '../../graph/node.ts'
import type { Partition } from '../group.ts'

/** Those of the nodes, and of what is read to work out the others, that lie in memory. */
export function sourcesOf(nodes: readonly Node[], { inMemory }: Pick<Partition, 'inMemory'>): ReadonlySet<Node> {
  const seen = new Set(nodes)
  for (const node of seen) if (!inMemory(node)) for (const input of node.inputs) seen.add(input)
  return new Set([...seen].filter(inMemory))
}
