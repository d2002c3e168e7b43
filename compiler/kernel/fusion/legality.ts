/**
 * The one legality of fusion: whether a kernel can compute nodes together with a group. Every rule adds nodes through `Drafts`,
 * which asks here; what is worth it is for the rule to judge.
 */
import { constantValue, product } from '../../../plan/dim.ts'
import { tilesFor } from '../../../plan/tiles.ts'
import type { Node } from '../../graph/node.ts'
import type { Draft } from './draft.ts'
import { hasMatmulTemplate, matmulView } from '../matmul/matmul-view.ts'
import { MAX_CHAIN, chainLengths } from './chain.ts'
import { hasCustomKernel } from './facts.ts'
import { cycleThrough, type Grouping } from './cycle.ts'
import { visits } from './iteration-space.ts'
import type { Refusal } from '../not-fused.ts'
import type { SplitConstraints } from './split-constraints.ts'
import type { Target } from '../../../plan/target.ts'

/** What legality reads of the fusion so far. */
export interface Situation extends Grouping {
  readonly target: Target
  readonly constraints: SplitConstraints
}

/** Nodes that are to join a group, none of them a member; `isMember` is of the group and them together. */
interface Proposal {
  readonly group: Draft
  readonly added: readonly Node[]
  /** A group that ceases, as all of its members join. */
  readonly absorbed: Draft | null
  readonly isMember: (node: Node) => boolean
  readonly situation: Situation
}

type Test = (proposal: Proposal) => Refusal | null

/** What `find` gives for the first node that it gives anything for. */
function first<T>(nodes: Iterable<Node>, find: (node: Node) => T | null): T | null {
  for (const node of nodes) {
    const found = find(node)
    if (found !== null) return found
  }
  return null
}

const isFusedElsewhere: Test = ({ added, absorbed, situation }) =>
  first(added, (node) => {
    const other = situation.groupOf(node)
    return other === undefined || other === absorbed ? null : { kind: 'fused elsewhere', anchor: other.anchor }
  })

/** A split node joins no group that exists; it may still be the anchor of one. */
const isSplit: Test = ({ group, added, situation }) =>
  added.some((node) => node !== group.anchor && situation.constraints.split.has(node)) ? { kind: 'split constraint' } : null

const isOutOfSpace: Test = ({ group, added, isMember }) =>
  first(added, (node) => {
    if (visits(group, node, isMember)) return null
    return { kind: hasCustomKernel(node) || group.kind === 'custom' ? 'own kernel' : 'iteration space' }
  })

/** Rows without an expert are unwritten in all that joins a grouped GEMM: what gives them a value reads them later. */
const isUnwritten: Test = ({ group, added }) =>
  group.anchor.op === 'grouped_matmul' && added.some(({ op }) => op === 'select') ? { kind: 'unwritten rows' } : null

const isTooLong: Test = ({ group, added, situation: { users } }) => {
  const length = Math.max(0, ...chainLengths(group.lengths, added, users).values())
  return length > MAX_CHAIN ? { kind: 'chain length', length, limit: MAX_CHAIN } : null
}

/** A matmul reads whole rows and columns of its operands, which a kernel that makes them has not finished. */
const readsItself: Test = ({ added, isMember, situation: { users } }) => {
  const read = (matmul: Node, operand: Node): Refusal => ({ kind: 'self-read', matmul, operand })
  return first(added, (node) => {
    const operand = hasMatmulTemplate(node) ? node.inputs.find(isMember) : undefined
    if (operand !== undefined) return read(node, operand)
    const matmul = users.get(node)!.find((user) => hasMatmulTemplate(user) && isMember(user))
    return matmul === undefined ? null : read(matmul, node)
  })
}

const columnsOf = (matmul: Node): number => constantValue(matmulView(matmul).columns) ?? Infinity

/** The gating kernel holds the scores of a block of rows in workgroup memory. */
const exceedsWorkgroup: Test = ({ group, added, situation: { target } }) => {
  if (group.kind !== 'rows' || !added.some(hasMatmulTemplate)) return null
  const columns = [...group.members, ...added].filter(hasMatmulTemplate).reduce((sum, matmul) => sum + columnsOf(matmul), 0)
  const { rows, mostChosen, partialSumBytes } = tilesFor(target).gate
  const bytes = rows * 4 * (columns + mostChosen) + partialSumBytes
  const limit = target.maxWorkgroupStorageBytes
  return bytes > limit ? { kind: 'workgroup memory', bytes, limit } : null
}

/** A gating kernel counts the experts that its own rows have chosen, for one histogram. */
const exceedsBlock: Test = ({ group, added, situation: { target } }) => {
  const isHistogram = (node: Node): node is Node & { op: 'expert_histogram' } => node.op === 'expert_histogram'
  const histograms = group.kind === 'rows' ? added.filter(isHistogram) : []
  if (histograms.length === 0) return null
  const all = [...group.members, ...added]
  if (all.filter(isHistogram).length > 1 || !all.some(({ op }) => op === 'top_k')) return { kind: 'iteration space' }
  const rows = histograms[0].params.block
  const limit = tilesFor(target).gate.mostHistogramRows
  return rows > limit ? { kind: 'histogram block', rows, limit } : null
}

/** An elementwise kernel stores values of one size. */
const storesOtherSizes: Test = ({ group, added, isMember, situation: { outputs, users } }) => {
  if (group.kind !== 'elementwise') return null
  const isStored = (node: Node): boolean => outputs.has(node) || users.get(node)!.some((user) => !isMember(user))
  const size = product(group.anchor.shape)
  return added.some((node) => product(node.shape) !== size && isStored(node)) ? { kind: 'iteration space' } : null
}

const closesCycle: Test = ({ group, added, isMember, situation }) => {
  // a reader of the group can only close a cycle through its own operands
  const joined = new Set<Node>()
  const isReader = (node: Node): boolean => node.inputs.some((input) => group.members.has(input) || joined.has(input))
  const areReaders = added.every((node) => isReader(node) && joined.add(node))
  const leastId = added.reduce((least, { id }) => Math.min(least, id), group.leastId)
  const through = cycleThrough({ isMember, leastId }, areReaders ? added : [...group.members, ...added], situation)
  return through === null ? null : { kind: 'cycle', through }
}

/** The cheap ones first. */
const TESTS: readonly Test[] = [
  isFusedElsewhere,
  isSplit,
  readsItself,
  isOutOfSpace,
  isUnwritten,
  storesOtherSizes,
  exceedsWorkgroup,
  exceedsBlock,
  isTooLong,
  closesCycle,
]

/**
 * Why nodes cannot join a group; null where its kernel can compute them all. A group is legal where all of its members can join
 * an empty one.
 */
export function refusal(
  situation: Situation,
  group: Draft,
  added: readonly Node[],
  absorbed: Draft | null = null,
): Refusal | null {
  const joining = new Set(added)
  const isMember = (node: Node): boolean => group.members.has(node) || joining.has(node)
  const proposal = { group, added, absorbed, isMember, situation }
  for (const test of TESTS) {
    const refused = test(proposal)
    if (refused !== null) return refused
  }
  return null
}
