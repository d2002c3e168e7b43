/** Algebraic simplification: every law holds for all values, -0 and NaN included; only x^2 is rounded differently. */
import type { Graph } from '../graph/node.ts'
import { rewrite, type Fired, type Rule } from './rewrite.ts'
import { arithmetic } from './rules/arithmetic.ts'
import { gradients } from './rules/gradients.ts'
import { logic } from './rules/logic.ts'
import { movement } from './rules/movement.ts'
import { reductions } from './rules/reductions.ts'
import { broadcastHoisting } from './rules/broadcast-hoisting.ts'

export const rules: readonly Rule[] = [...arithmetic, ...logic, ...movement, ...reductions, ...gradients, ...broadcastHoisting]

/** Leaves a graph that no rule matches. */
export const simplifyAlgebra = (graph: Graph, fired?: Fired): Graph => rewrite(graph, rules, fired)
