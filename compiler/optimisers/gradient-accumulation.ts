/** Gradient accumulation: gradients stay in persistent state between the micro-batches of a step and the update. */
import { gradientName } from '../../plan/update.ts'
import type { Graph, Output } from '../graph/node.ts'
import { createBuilder } from '../ops/build.ts'
import { makerAt } from '../ops/maker.ts'
import { copy, rebuildInto, withNodes } from '../ops/rebuild.ts'

/**
 * The outputs `gradient.PATH` replace the state of those names: the gradient alone in the first micro-batch of a step, the sum
 * with what is there in a later one.
 */
export function accumulateGradients(graph: Graph, isFirst: boolean): Graph {
  const builder = createBuilder()
  const copied = withNodes(graph, rebuildInto(builder, graph, copy))
  const accumulated = ({ name, node, doc }: Output): Output => {
    const make = makerAt(builder, node.origin)
    const before = () => make('weight', [], { name, shape: node.shape, source: { pieces: [], stacked: false }, doc: '' })
    return { name, doc, node: isFirst ? node : make.add(before(), node), replaces: name }
  }
  const start = gradientName('')
  return { ...copied, outputs: copied.outputs.map((output) => (output.name.startsWith(start) ? accumulated(output) : output)) }
}
