/**
 * Schedules scalings of a plan that one workgroup would be too long with: a dispatch an iteration, blocks of tokens side by side.
 * Whether it has converged is settled on the device: what comes after is a dispatch that ends at once.
 */
import { constantValue, multiply, type Dim } from '../../plan/dim.ts'
import type { Graph } from '../graph/node.ts'
import { isOp } from '../graph/walk.ts'
import { NONE } from '../ops/build.ts'
import { rebuild } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

export interface SplitOptions {
  /** What is known of a dim wherever the graph is run; null where nothing is. */
  readonly when?: { readonly dim: string; readonly atMost: number } | null
  /** Entries of a plan that one workgroup scales alone. */
  readonly reach?: number
}

/** Entries a workgroup takes where nothing is known of the target. */
const REACH = 65536
/** Rows of a block. Each step reads every block's sums again, so there are few of them for the tokens there may be. */
const ROWS = 256

/** Whether no run has more entries than one workgroup takes. */
function isSmall([tokens, columns]: readonly Dim[], { when = null, reach = REACH }: SplitOptions): boolean {
  const most = when?.dim === tokens.key ? when.atMost : constantValue(tokens)
  const entries = most === undefined ? undefined : constantValue(multiply(columns, most))
  return entries !== undefined && entries <= reach
}

/**
 * sinkhorn(cost, rows, columns) of n iterations ==> sinkhorn_finish(columns, step(... step(step(cost, rows, columns)) ...)), n +
 * 1 steps
 */
export function splitSinkhorn(graph: Graph, options: SplitOptions, fired: Fired = ignore): Graph {
  return rebuild(graph, (node, inputs, make) => {
    if (!isOp(node, 'sinkhorn') || isSmall(node.inputs[0].shape, options)) return make(node.op, inputs, node.params as never)
    fired('split-sinkhorn')
    const { iterations, tolerance } = node.params
    const params = { tolerance, block: ROWS }
    let state = make('sinkhorn_step', inputs, params)
    for (let n = 0; n < iterations; n++) state = make('sinkhorn_step', [...inputs, state], params)
    return make('sinkhorn_finish', [inputs[2], state], NONE)
  })
}
