/** The mapping of rows to threads: the rows of a workgroup, and the threads of a row. */
import { constantValue } from '../../../plan/dim.ts'
import { tilesFor } from '../../../plan/tiles.ts'
import type { Node } from '../../graph/node.ts'
import { isReduction } from '../../ops/kinds.ts'
import type { ScheduleContext } from '../scope/context.ts'
import type { Group } from '../group.ts'

/** One thread reads a row up to this length. */
const SHORT_ROW = 32

export interface RowMapping {
  /** Whether some row is ranked. */
  readonly ranks: boolean
  /** Whether all threads of a workgroup share one row; otherwise each thread has a row. */
  readonly together: boolean
  readonly rowsPerWorkgroup: number
  readonly threads: number
  /** Whether the K axis of a matmul of scores is split over the threads, where there are more of them than scores. */
  readonly splitsK: boolean
  /** The expert histogram, where the kernel computes it. */
  readonly counts: (Node & { op: 'expert_histogram' }) | undefined
  readonly template: string
  readonly reason: string
}

export function rowMapping(group: Group, context: ScheduleContext): RowMapping {
  const members = [...group.members]
  const ranks = members.some((node) => node.op === 'top_k')
  const together = !ranks && !isShort(members)
  const counts = members.find((node): node is Node & { op: 'expert_histogram' } => node.op === 'expert_histogram')
  const rowsPerWorkgroup = together ? 1 : rowsInWorkgroup(group, context, counts)
  const threads = together
    ? threadsForLongRow(members, context)
    : group.scores.length === 0
      ? rowsPerWorkgroup
      : Math.max(64, rowsPerWorkgroup)
  // threads that run one after the other gain nothing, and they read a whole K in the order of memory
  const splitsK = group.scores.length > 0 && context.target.runs !== 'cpu'
  const form = { ranks, together, rowsPerWorkgroup, threads, splitsK, counts }
  const [template, reason] = templateAndReason(form, group.scores.length > 0)
  const few = splitsK && context.variant === 'decode' ? '; decode: the K axis of each matmul is split over the invocations' : ''
  return { ...form, template, reason: reason + few }
}

/** The length of the rows of a reduction; undefined where only a run knows it. */
const reducedLength = (node: Node): number | undefined => constantValue(node.inputs[0].shape.at(-1)!)

const isShort = (members: readonly Node[]): boolean =>
  members.filter(isReduction).every((node) => (reducedLength(node) ?? Infinity) <= SHORT_ROW)

/** A router computes the histogram of a block, so that a workgroup has one block of rows. */
function rowsInWorkgroup(group: Group, { target, variant }: ScheduleContext, counts: RowMapping['counts']): number {
  if (counts !== undefined) return counts.params.block
  if (group.scores.length === 0) return target.kind === 'cpu' ? 8 : 64
  return variant === 'decode' ? 1 : tilesFor(target).gate.rows
}

function threadsForLongRow(members: readonly Node[], { target }: ScheduleContext): number {
  if (target.kind === 'cpu') return target.subgroupSize ?? 1
  const longest = Math.max(...members.filter(isReduction).map((node) => reducedLength(node) ?? 256))
  return longest >= 1024 ? Math.min(256, target.maxInvocationsPerWorkgroup) : 64
}

function templateAndReason(
  { together, threads, ranks, counts }: Omit<RowMapping, 'template' | 'reason'>,
  isGate: boolean,
): readonly [string, string] {
  if (together) return ['workgroup per row', `${threads} invocations reduce each row, since rows are long or of unknown length`]
  if (isGate) {
    const counting = counts === undefined ? '' : ', and their expert histogram'
    return ['gate', `a GEMM with a top-k epilogue: scores, top-k and weights of a block of tokens in one workgroup${counting}`]
  }
  return [
    'thread per row',
    ranks ? 'one invocation ranks each row' : `rows are at most ${SHORT_ROW} long: one invocation reduces each`,
  ]
}
