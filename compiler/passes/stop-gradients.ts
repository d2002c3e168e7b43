/** Removes stop_gradient: gradients have been taken before the passes run, so that it is its operand. */
import type { Graph } from '../graph/node.ts'
import { rewrite, rule, type Fired, type Rule } from './rewrite.ts'

export const rules: readonly Rule[] = [
  rule('drop-stop-gradient', 'stop_gradient', 'stop_gradient(x)  ==>  x', ({ inputs: [x] }) => x),
]

export const removeStopGradients = (graph: Graph, fired?: Fired): Graph => rewrite(graph, rules, fired)
