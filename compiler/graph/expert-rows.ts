/** What is known of the expert ids of rows from how they are computed. */
import { AXIS_MOVEMENTS, movedFrom } from './families.ts'
import type { Node } from './node.ts'

/**
 * Rows in equal batches of one expert each, in the order of the experts: reshape(broadcast(iota(E) over [E, T])). They are sorted
 * already.
 */
export function isBatchedByExpert(expert: Node): boolean {
  if (expert.op !== 'reshape') return false
  const [repeated] = expert.inputs
  const isRepeated = repeated.op === 'broadcast' && repeated.shape.length === 2 && repeated.params.axes.join() === '0'
  return isRepeated && repeated.inputs[0].op === 'iota'
}

/** Whether every row has an expert: its ids are indices of a top-k, or batches. */
export function alwaysHasExpert(expert: Node): boolean {
  const ids = movedFrom(expert, AXIS_MOVEMENTS)
  return ids.op === 'top_k' || ids.op === 'iota' || (ids.op === 'constant' && ids.params.values.every((id) => id >= 0))
}
