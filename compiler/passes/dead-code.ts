/** Dead code elimination: drops nodes that no output needs, and numbers the rest densely. */
import type { Graph } from '../graph/node.ts'
import { copy, rebuild } from '../ops/rebuild.ts'

/** Inputs stay: they are part of the interface of a graph. */
export const eliminateDeadCode = (graph: Graph): Graph => rebuild(graph, copy)
