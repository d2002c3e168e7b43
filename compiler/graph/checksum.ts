/** What a graph computes as a checksum: words and places that the spec gives to it change nothing. */
import { crc32c } from '../../plan/crc32c.ts'
import type { Graph, Node } from './node.ts'
import { paramsText } from './params.ts'
import { isOp, nodesOf } from './walk.ts'

const paramsOf = (node: Node): string =>
  paramsText(node.op, (isOp(node, 'weight') ? { ...node.params, doc: '' } : node.params) as never)

/** Eight hexadecimal digits: CRC-32C of the nodes in order, and of what the outputs are called. */
export function checksum(graphs: readonly Graph[]): string {
  const lines = graphs.flatMap((graph) => {
    const numbers = new Map(nodesOf(graph).map((node, number) => [node, number]))
    return [
      ...[...numbers.keys()].map((node) =>
        [
          node.op,
          paramsOf(node),
          node.dtype,
          ...node.shape.map(({ key }) => key),
          ...node.inputs.map((input) => numbers.get(input)),
        ].join(' '),
      ),
      ...graph.outputs.map(({ name, node }) => `${name} ${numbers.get(node)}`),
    ]
  })
  return crc32c(new TextEncoder().encode(lines.join('\n')))
    .toString(16)
    .padStart(8, '0')
}
