/**
 * Operator fusion: the graph cut into groups, each of which one kernel computes. Rules propose, one legality decides
 * (`legality.ts`), and what it refuses is part of the result. Nodes in no group are inlined wherever they are read.
 */
import type { Target } from '../../../plan/target.ts'
import type { Graph, Node } from '../../graph/node.ts'
import { isElementwise, isReduction } from '../../ops/kinds.ts'
import type { Fusion, Group } from '../group.ts'
import { hasMatmulTemplate } from '../matmul/matmul-view.ts'
import { Drafts } from './drafts.ts'
import { factsOf, hasCustomKernel, isLeafBuffer, liveOuts, mustBeMaterialized, type Facts } from './facts.ts'
import { listSchedule } from './list-scheduling.ts'
import { materialize } from './materialize.ts'
import { storedOf } from './recompute.ts'
import { beginCustomCall } from './rules/custom-call.ts'
import { joinExpertHistograms } from './rules/expert-histogram.ts'
import { joinGatingScores } from './rules/gating-scores.ts'
import { beginMatmul } from './rules/matmul-epilogue.ts'
import { beginReduction } from './rules/reduction-epilogue.ts'
import { beginRows, isRowWise } from './rules/row-wise.ts'
import type { AnchorRule, FusionStep } from './rules/rule.ts'
import { fuseStateUpdates } from './rules/state-update.ts'
import { UNCONSTRAINED, type SplitConstraints } from './split-constraints.ts'

/** Of the rules that take a node as an anchor, the first begins its group. */
export const ANCHOR_RULES: readonly AnchorRule[] = [
  {
    name: 'matmul-epilogue',
    why: 'first: a matmul is never computed where it is read',
    isAnchor: hasMatmulTemplate,
    begin: beginMatmul,
  },
  { name: 'custom-call', why: 'an op with a kernel of its own has no choice', isAnchor: hasCustomKernel, begin: beginCustomCall },
  { name: 'row-wise', why: 'before other reductions: a workgroup can share a row', isAnchor: isRowWise, begin: beginRows },
  {
    name: 'reduction-epilogue',
    why: 'last: reductions that no other kernel takes',
    isAnchor: isReduction,
    begin: beginReduction,
  },
]

/** One sweep in topological order, so that a reader joins the first group that it can. */
function fuseProducers(drafts: Drafts): void {
  for (const node of drafts.facts.nodes)
    if (drafts.groupOf(node) === undefined) ANCHOR_RULES.find(({ isAnchor }) => isAnchor(node))?.begin(drafts, node)
}

export const FUSION_STEPS: readonly FusionStep[] = [
  { name: 'producer-consumer', why: 'first: what follows joins the groups that it begins', run: fuseProducers },
  {
    name: 'gating-scores',
    why: 'after producer-consumer fusion: a matmul joins the gate with the epilogue that its scores have',
    run: joinGatingScores,
  },
  { name: 'expert-histogram', why: 'after the scores: the gate then is all that it will be', run: joinExpertHistograms },
  { name: 'state-update', why: 'after all that reads tensors whole: takes elementwise nodes in no group', run: fuseStateUpdates },
  { name: 'materialize', why: 'last: counts the kernels that read a node in no group', run: materialize },
]

export function fuse(graph: Graph, target: Target, constraints: SplitConstraints = UNCONSTRAINED): Fusion {
  const drafts = new Drafts(factsOf(graph), target, constraints)
  for (const step of FUSION_STEPS) step.run(drafts)
  return fusionOf(drafts)
}

function fusionOf(drafts: Drafts): Fusion {
  const { facts } = drafts
  const groups = new Map(drafts.all().map((draft) => [draft, drafts.toGroup(draft)]))
  const groupOf = new Map([...groups.values()].flatMap((group) => [...group.members].map((node) => [node, group] as const)))
  const results = new Map([...groups.values()].map((group) => [group, resultsOf(facts, group)]))
  const refused = new Map([...groups].map(([draft, group]) => [group, drafts.refusedBy(draft)]))
  const stored = new Set([...results.values()].flat())
  return {
    groups: listSchedule([...groups.values()], groupOf),
    users: facts.users,
    isMaterialized: (node) => isLeafBuffer(node) || stored.has(node),
    results: (group) => results.get(group)!,
    refused: (group) => refused.get(group)!,
  }
}

/** What a group stores; in place of a broadcast that its readers can repeat, the operand. */
function resultsOf(facts: Facts, { members, kind, anchor }: Group): readonly Node[] {
  const isRepeated = (node: Node): boolean =>
    node.op === 'broadcast' &&
    members.has(node.inputs[0]) &&
    !facts.outputs.has(node) &&
    facts.users.get(node)!.every((user) => members.has(user) || isElementwise(user) || isReduction(user))
  const outs = liveOuts(facts, members)
  const canRecompute = kind === 'matmul' || kind === 'elementwise'
  const stored = canRecompute ? storedOf(members, outs, (node) => node === anchor || mustBeMaterialized(facts, node)) : outs
  const left = stored.map((node) => (isRepeated(node) ? node.inputs[0] : node))
  return [...new Set(left)].sort((a, b) => a.id - b.id)
}
