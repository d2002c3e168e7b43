/** A checksum of what a graph computes; documentation and places in the spec do not enter it. */
import { crc32c } from '../../plan/crc32c.ts'
import type { Graph, Node } from './node.ts'
import { paramsText } from './params.ts'
import type { OpName } from './vocabulary.ts'
import { isOp, nodesOf } from './walk.ts'

const paramsOf = (node: Node): string =>
  paramsText(node.op, (isOp(node, 'weight') ? { ...node.params, doc: '' } : node.params) as never)

/** Op -> the name by which it enters the checksum, where it was renamed: saved runs hold checksums of before. */
const FIRST_NAMES: Partial<Readonly<Record<OpName, string>>> = {
  load_time_constant: 'held',
  compute_at_load: 'hold',
  cast_f16: 'half',
  optimization_barrier: 'again',
  grouped_matmul: 'routed_matmul',
  grouped_weight_gradient: 'routed_outer',
  segment_sum: 'sum_rows',
  position_in_expert: 'place_in_expert',
  expert_histogram: 'count_experts',
  sort_by_expert: 'order_rows',
}

/** Eight hexadecimal digits: CRC-32C of the nodes in order, and of the names of the outputs. */
export function checksum(graphs: readonly Graph[]): string {
  const lines = graphs.flatMap((graph) => {
    const numbers = new Map(nodesOf(graph).map((node, number) => [node, number]))
    return [
      ...[...numbers.keys()].map((node) =>
        [
          FIRST_NAMES[node.op] ?? node.op,
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
