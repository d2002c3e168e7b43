/** Gradient accumulation: gradients stay in persistent state between the micro-batches of a step and the update. */
import { variableName } from '../../plan/output-role.ts'
import type { Graph, Output } from '../graph/node.ts'
import { createBuilder } from '../ops/build.ts'
import { makerAt } from '../ops/maker.ts'
import { copy, rebuildInto, withNodes } from '../ops/rebuild.ts'

/**
 * Each gradient among the outputs replaces the state of its name: the gradient alone in the first micro-batch of a step, the sum
 * with what is there in a later one.
 */
export function accumulateGradients(graph: Graph, isFirst: boolean): Graph {
  const builder = createBuilder()
  const copied = withNodes(graph, rebuildInto(builder, graph, copy))
  const accumulated = (output: Output): Output => {
    const { node, role } = output
    if (role?.kind !== 'gradient') return output
    const make = makerAt(builder, node.origin)
    const before = () => make('variable', [], { role, shape: node.shape })
    return { ...output, node: isFirst ? node : make.add(before(), node), replaces: variableName(role) }
  }
  return { ...copied, outputs: copied.outputs.map(accumulated) }
}
