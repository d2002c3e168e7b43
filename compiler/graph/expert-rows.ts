/** Shapes that the experts of rows may have. */
import type { Node } from './node.ts'

/**
 * Rows in batches of one expert each, in the order of the experts: reshape(broadcast(iota(E) over [E, T])). Such rows need no order.
 */
export function isBatchedByExpert(expert: Node): boolean {
  if (expert.op !== 'reshape') return false
  const [spread] = expert.inputs
  return (
    spread.op === 'broadcast' && spread.shape.length === 2 && spread.params.axes.join() === '0' && spread.inputs[0].op === 'iota'
  )
}

/** Whether every row is sure to have an expert: its ids are places of a top-k, or batches. */
export function alwaysHasExpert(expert: Node): boolean {
  if (expert.op === 'top_k' || expert.op === 'iota') return true
  if (expert.op === 'constant') return expert.params.values.every((id) => id >= 0)
  return (
    (expert.op === 'reshape' || expert.op === 'broadcast' || expert.op === 'transpose' || expert.op === 'slice') &&
    alwaysHasExpert(expert.inputs[0])
  )
}
