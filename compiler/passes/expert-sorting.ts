/**
 * Schedules routed products: the rows of each expert are brought together once a routing, on the device, and every product of the
 * same routing reads that order. Nothing waits for the host and the values do not change.
 */
import { constantValue, dim } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { isBatchedByExpert } from '../graph/expert-rows.ts'
import { isOp } from '../graph/walk.ts'
import type { Maker } from '../ops/maker.ts'
import { rebuild } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

export interface ExpertSortOptions {
  /** Few tokens look up their experts directly: an order would cost more than it saves. */
  readonly variant: 'decode' | 'prefill'
  /** Rows of one expert that a workgroup takes. */
  readonly tile: number
  /** Tokens whose experts one workgroup counts. */
  readonly block: number
}

/** expert = reshape(ids [T, K])  ==>  ids, so that the counts fuse with the selection; else the rows as T = N, K = 1. */
function tokenIds(make: Maker, expert: Node): Node {
  if (isOp(expert, 'reshape') && expert.inputs[0].shape.length === 2) return expert.inputs[0]
  return make.reshape(expert, [expert.shape[0], dim(1)])
}

/** Rows whose experts one workgroup counts, where it walks them one by one. */
const PLACE_BLOCK = 64

/** position_in_expert(expert)  ==>  position_in_expert(expert, expert_histogram(expert)) */
function countFirst(experts: number, expert: Node, make: Maker): Node {
  const counts = make('expert_histogram', [make.reshape(expert, [expert.shape[0], dim(1)])], { experts, block: PLACE_BLOCK })
  return make('position_in_expert', [expert, counts], { experts })
}

/** How many experts a product of rows has that is ordered; null for what is none, or stands in order already. */
function expertsOf(node: Node, variant: ExpertSortOptions['variant']): number | null {
  if (node.inputs.length > 3) return null
  // the sums of each expert's rows want them together however few there are
  if (isOp(node, 'grouped_weight_gradient')) return node.params.experts
  return isOp(node, 'grouped_matmul') && variant === 'prefill' ? (constantValue(node.inputs[1].shape[0]) ?? null) : null
}

/**
 * grouped_matmul(x, bank, expert) ==> grouped_matmul(x, bank, expert, sort_by_expert(ids, expert_histogram(ids))),
 * grouped_weight_gradient alike
 */
export function sortRowsByExpert(graph: Graph, { variant, tile, block }: ExpertSortOptions, fired: Fired = ignore): Graph {
  return rebuild(graph, (node, inputs, make) => {
    if (isOp(node, 'position_in_expert') && inputs.length === 1) {
      fired('count-rows-by-expert')
      return countFirst(node.params.experts, inputs[0], make)
    }
    const experts = expertsOf(node, variant)
    if (experts === null || isBatchedByExpert(node.inputs[2])) return make(node.op, inputs, node.params as never)
    fired('sort-rows-by-expert')
    const ids = tokenIds(make, inputs[2])
    const counts = make('expert_histogram', [ids], { experts, block })
    const order = make('sort_by_expert', [ids, counts], { experts, block, tile })
    return make(node.op, [...inputs, order], node.params as never)
  })
}
