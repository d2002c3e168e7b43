/** Where gradients stay between a step and the update. */
import { createTape } from '../autodiff/rule.ts'
import { gradientName } from '../../plan/update.ts'
import type { Graph, Node, Output } from '../graph/node.ts'
import { nodesOf } from '../graph/walk.ts'
import { createBuilder } from '../ops/build.ts'

/**
 * The outputs `gradient.PATH` in the place of weights of those names, alone or added to what is there: the first micro-batch of a step, or a
 * later one.
 */
export function accumulateGradients(graph: Graph, isFirst: boolean): Graph {
  const builder = createBuilder()
  const copied = new Map<Node, Node>()
  for (const node of nodesOf(graph)) {
    copied.set(
      node,
      builder.make(
        node.op,
        node.inputs.map((input) => copied.get(input)!),
        node.params as never,
        node.origin,
      ) as Node,
    )
  }
  const start = gradientName('')
  const kept = ({ name, node, doc }: Output): Output => {
    const tape = createTape(builder, node.origin)
    const gradient = copied.get(node)!
    const before = (): Node =>
      tape.make('weight', [], { name, shape: node.shape, source: { pieces: [], stacked: false }, doc: '' })
    return { name, doc, node: isFirst ? gradient : tape.add(before(), gradient), replaces: name }
  }
  return {
    ...graph,
    inputs: graph.inputs.map((input) => copied.get(input) as typeof input),
    outputs: graph.outputs.map((output) =>
      output.name.startsWith(start) ? kept(output) : { ...output, node: copied.get(output.node)! },
    ),
  }
}
