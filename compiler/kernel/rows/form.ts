/** How rows are laid on lanes: how many rows a workgroup takes, and how many lanes walk one. */
import { constantValue } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { records } from '../../ops/records.ts'
import type { ScheduleContext } from '../scope/context.ts'
import type { Group } from '../group.ts'
import { ROUTER_ROWS } from '../fusion/fuse.ts'

/** Rows up to this length are walked by one lane. */
const SHORT_ROW = 32

export interface RowForm {
  /** Whether some row is ranked. */
  readonly ranks: boolean
  /** A row that lanes walk together, against one lane a row. */
  readonly together: boolean
  readonly rowsPerWorkgroup: number
  readonly lanes: number
  /** The node that counts what each row has chosen, where the kernel counts. */
  readonly counts: (Node & { op: 'expert_histogram' }) | undefined
  readonly template: string
  readonly reason: string
}

export function rowForm(group: Group, context: ScheduleContext): RowForm {
  const members = [...group.members]
  const ranks = members.some((node) => node.op === 'top_k')
  const together = !ranks && !isShort(members)
  const counts = members.find((node): node is Node & { op: 'expert_histogram' } => node.op === 'expert_histogram')
  const rowsPerWorkgroup = together ? 1 : rowsInWorkgroup(group, context, counts)
  const lanes = together
    ? lanesForLongRow(members, context)
    : group.heads.length === 0
      ? rowsPerWorkgroup
      : Math.max(64, rowsPerWorkgroup)
  const form = { ranks, together, rowsPerWorkgroup, lanes, counts }
  const [template, reason] = templateAndReason(form, group.heads.length > 0)
  const few =
    context.variant === 'decode' && group.heads.length > 0 ? '; few tokens: the depth of each product is shared by the lanes' : ''
  return { ...form, template, reason: reason + few }
}

/** The length of the rows that a reduction walks; undefined where it is known only at a run. */
const reducedLength = (node: Node): number | undefined => constantValue(node.inputs[0].shape.at(-1)!)
const isReduction = (node: Node): boolean => records[node.op].kind === 'reduction'

const isShort = (members: readonly Node[]): boolean =>
  members.filter(isReduction).every((node) => (reducedLength(node) ?? Infinity) <= SHORT_ROW)

/** A router counts in blocks, so a workgroup takes one block; alone, rows go by the lane. */
function rowsInWorkgroup(group: Group, { target, variant }: ScheduleContext, counts: RowForm['counts']): number {
  if (counts !== undefined) return counts.params.block
  if (group.heads.length === 0) return target.kind === 'cpu' ? 8 : 64
  return variant === 'decode' ? 1 : ROUTER_ROWS
}

function lanesForLongRow(members: readonly Node[], { target }: ScheduleContext): number {
  if (target.kind === 'cpu') return target.subgroupSize ?? 1
  const longest = Math.max(...members.filter(isReduction).map((node) => reducedLength(node) ?? 256))
  return longest >= 1024 ? Math.min(256, target.maxInvocationsPerWorkgroup) : 64
}

function templateAndReason(
  { together, lanes, ranks, counts }: Omit<RowForm, 'template' | 'reason'>,
  hasHeads: boolean,
): readonly [string, string] {
  if (together) return ['rows together', `${lanes} lanes walk each row, since rows are long or of unknown length`]
  if (hasHeads) {
    const counting = counts === undefined ? '' : ', which also counts its experts'
    return ['gate', `scores, ranking and weights of a block of tokens in one workgroup${counting}`]
  }
  return ['rows alone', ranks ? 'one lane ranks a row' : `rows are at most ${SHORT_ROW} long: one lane walks each`]
}
