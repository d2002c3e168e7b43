/** Growth of a group by the readers of its members, one after the other. */
import type { Node } from '../../graph/node.ts'
import { isElementwise } from '../../ops/kinds.ts'
import type { Draft } from './draft.ts'
import type { Drafts } from './drafts.ts'
import { liveOuts, mustBeMaterialized, type Facts } from './facts.ts'
import { Frontier } from './frontier.ts'
import { storedOf, within } from './recompute.ts'
import type { Refusal } from '../not-fused.ts'

/** What is to join so that the reader can: itself and more, or the reason to leave it; null where it is nothing to this rule. */
export type Proposal = (reader: Node) => readonly Node[] | Refusal | null

const isNodes = (proposed: readonly Node[] | Refusal): proposed is readonly Node[] => Array.isArray(proposed)

/** Tries each reader once, in topological order; `joined` hears of each that has joined. */
export function growByReaders(
  drafts: Drafts,
  draft: Draft,
  propose: Proposal,
  joined: (frontier: Frontier) => void = () => undefined,
): Frontier {
  const frontier = new Frontier(drafts.facts, draft.anchor)
  for (let reader = frontier.next(); reader !== undefined; reader = frontier.next()) {
    const proposed = propose(reader)
    if (proposed === null) continue
    if (!isNodes(proposed)) drafts.refuse(draft, reader, proposed)
    else if (drafts.offer(draft, proposed) === null) {
      frontier.add(proposed)
      joined(frontier)
    }
  }
  return frontier
}

/**
 * Grows a group as an epilogue of its anchor, and gives back what would add values to store: what stays is the largest group that
 * stores one value, or several that are materialized anyway. So a chain joins as a whole or not at all.
 */
export function growEpilogue(drafts: Drafts, draft: Draft, propose: Proposal): void {
  const steps: { readonly size: number; readonly stored: number }[] = []
  growByReaders(drafts, draft, propose, ({ liveOutCount }) => steps.push({ size: draft.members.size, stored: liveOutCount }))
  const members = [...draft.members]
  for (const { size, stored } of steps.toReversed()) {
    const set = new Set(members.slice(0, size))
    const kept = stored <= 1 ? set : withoutMoreToStore(drafts.facts, set)
    if (kept !== null) return giveBack(drafts, draft, kept)
  }
  giveBack(drafts, draft, new Set([draft.anchor]))
}

function giveBack(drafts: Drafts, draft: Draft, kept: ReadonlySet<Node>): void {
  const isAll = kept.size === draft.members.size
  if (!isAll) drafts.keep(draft, kept, { kind: 'live-outs' })
}

/**
 * Of a set with several live-outs, what leads to those to store, if each of them is materialized whoever computes it and one
 * saves a kernel.
 */
function withoutMoreToStore(facts: Facts, set: ReadonlySet<Node>): ReadonlySet<Node> | null {
  const isSure = (node: Node): boolean => mustBeMaterialized(facts, node)
  const stored = storedOf(set, liveOuts(facts, set), isSure)
  return stored.every(isSure) && stored.some(isElementwise) ? within(set, stored) : null
}
