/** Drops what no output needs, and numbers the rest densely. */
import type { Graph } from '../graph/node.ts'
import { copy, rebuild } from './rewrite.ts'

/** Inputs stay: they are what a user is promised to give. */
export const eliminateDeadCode = (graph: Graph): Graph => rebuild(graph, copy)
