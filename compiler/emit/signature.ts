/** The inputs of a graph and the dims that they bind. */
import type { Signature } from '../../plan/plan.ts'
import { own } from '../../plan/table.ts'
import { boundsOf } from '../graph/bounds.ts'
import { indexRanges } from '../graph/index-ranges.ts'
import type { Graph } from '../graph/node.ts'
import { liveNodes } from '../graph/walk.ts'
import { plainStorage } from './storage.ts'

/** As the plan of the graph has them, for any target. */
export function signatureOf(graph: Graph): Signature {
  const nodes = liveNodes(graph)
  const [choices, bounds] = [indexRanges(nodes), boundsOf(nodes)]
  return {
    model: graph.name,
    dims: graph.dims.map(({ name, doc }) => ({ name, doc })),
    ...(bounds.length === 0 ? {} : { bounds }),
    inputs: graph.inputs.map((node) => {
      const { name } = node.params
      const chosen = choices.get(node)
      return {
        name,
        dtype: plainStorage(node),
        shape: node.shape.map((dim) => dim.key),
        doc: own(graph.docs, name) ?? '',
        ...(chosen === undefined ? {} : { below: chosen.among.key }),
        ...(chosen === undefined || chosen.ignored === null ? {} : { ignored: chosen.ignored }),
      }
    }),
  }
}
