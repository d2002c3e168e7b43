/** Gradients have been taken where they are wanted: a stop is then its operand. */
import type { Graph } from '../graph/node.ts'
import { rewrite, rule, type Rule } from './rewrite.ts'

export const rules: readonly Rule[] = [rule('stop_gradient', 'stop_gradient(x)  ==>  x', ({ inputs: [x] }) => x)]

export const removeStopGradients = (graph: Graph): Graph => rewrite(graph, rules)
