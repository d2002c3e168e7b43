/** The rules of the verifier: which ops and relations a graph may have at each stage. */
import { movedFrom, type Movement } from '../graph/families.ts'
import type { Node } from '../graph/node.ts'
import type { Spec } from '../graph/verify.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { isOp } from '../graph/walk.ts'
import { infer } from './infer.ts'
import { recordOf } from './records.ts'
import type { Stage } from './record.ts'

const RANK: Record<Stage, number> = { source: 0, optimised: 1 }

const RESHAPE: ReadonlySet<OpName> = new Set<Movement>(['reshape'])

/** The ids of a row each, under whatever shape. */
const flat = (ids: Node): Node => movedFrom(ids, RESHAPE)

/** A sort order must belong to the rows it is used with; neither types nor results in f64 would show a mismatch. */
function wrongOrder(node: Node): string | null {
  if (!(isOp(node, 'grouped_matmul') || isOp(node, 'grouped_weight_gradient')) || node.inputs.length < 4) return null
  const [, bank, expert, order] = node.inputs
  const experts = isOp(node, 'grouped_weight_gradient') ? String(node.params.experts) : bank.shape[0].key
  if (!isOp(order, 'sort_by_expert')) return `its order is made by ${order.op}, not by sort_by_expert`
  if (flat(order.inputs[0]) !== flat(expert)) return 'its order is made for the experts of other rows'
  return String(order.params.experts) === experts ? null : `its order is made for ${order.params.experts} experts`
}

function wrongCounts(node: Node): string | null {
  if (!isOp(node, 'sort_by_expert')) return null
  const [expert, counts] = node.inputs
  if (!isOp(counts, 'expert_histogram')) return `its counts are made by ${counts.op}, not by expert_histogram`
  if (counts.inputs[0] !== expert) return 'its counts are those of other rows'
  const { experts, block } = counts.params
  const fits = experts === node.params.experts && block === node.params.block
  return fits ? null : `its counts are made for ${experts} experts in blocks of ${block}`
}

export const specOf = (stage: Stage): Spec => ({
  stage,
  allows: (op) => RANK[recordOf(op).since] <= RANK[stage],
  infer: (node) => infer(node.op, node.inputs, node.params as never),
  relation: (node) => wrongOrder(node) ?? wrongCounts(node),
})
