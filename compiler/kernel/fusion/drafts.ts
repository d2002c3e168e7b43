/** Fusion groups under construction. `Drafts` is the only place where a node joins a group, and it asks the legality first. */
import type { Target } from '../../../plan/target.ts'
import type { Node } from '../../graph/node.ts'
import type { Group, GroupKind } from '../group.ts'
import { hasMatmulTemplate } from '../matmul/matmul-view.ts'
import { chainLengths } from './chain.ts'
import type { Facts } from './facts.ts'
import { refusal, type Situation } from './legality.ts'
import { emptyDraft, type Draft } from './draft.ts'
import { createReach } from './reach.ts'
import type { Refusal, RefusedNode } from '../not-fused.ts'
import type { SplitConstraints } from './split-constraints.ts'

interface MutableDraft extends Draft {
  readonly members: Set<Node>
  readonly lengths: Map<Node, number>
  leastId: number
  mostId: number
  readonly refused: Map<Node, Refusal>
}

/** Identity is the work in progress: which node is in which group. */
export class Drafts implements Situation {
  readonly facts: Facts
  readonly target: Target
  readonly constraints: SplitConstraints
  readonly users: Facts['users']
  readonly outputs: Facts['outputs']
  private readonly draftOf = new Map<Node, MutableDraft>()
  private readonly drafts = new Set<MutableDraft>()
  private readonly reach
  /** The group that changed last: `reach` has yet to cover it, as it may give members back. */
  private changing: MutableDraft | null = null

  constructor(facts: Facts, target: Target, constraints: SplitConstraints) {
    this.facts = facts
    this.target = target
    this.constraints = constraints
    this.users = facts.users
    this.outputs = facts.outputs
    this.reach = createReach((facts.nodes.at(-1)?.id ?? 0) + 1)
  }

  groupOf(node: Node): Draft | undefined {
    return this.draftOf.get(node)
  }

  floorOf(id: number): number {
    return this.reach.floorOf(id)
  }

  /** In the order in which they were begun. */
  all(): readonly Draft[] {
    return [...this.drafts]
  }

  /** A group of the anchor and, where they may join, others; null where they may not. */
  begin(kind: GroupKind, anchor: Node, others: readonly Node[] = []): Draft | null {
    const draft: MutableDraft = {
      ...emptyDraft(kind, anchor),
      members: new Set(),
      lengths: new Map(),
      mostId: -Infinity,
      refused: new Map(),
    }
    this.changeTo(draft)
    if (refusal(this, draft, [anchor, ...others]) !== null) return null
    this.drafts.add(draft)
    this.join(draft, [anchor, ...others])
    return draft
  }

  /** Nodes that join a group together; where they may not, why. A refusal is of the last of them. */
  offer(draft: Draft, nodes: readonly Node[]): Refusal | null {
    this.changeTo(this.own(draft))
    const refused = refusal(this, draft, nodes)
    if (refused === null) this.join(this.own(draft), nodes)
    else this.refuse(draft, nodes[nodes.length - 1], refused)
    return refused
  }

  /** All members of a group join another one, and it ceases. */
  absorb(draft: Draft, other: Draft): Refusal | null {
    this.changeTo(this.own(draft))
    const nodes = [...other.members]
    const refused = refusal(this, draft, nodes, other)
    if (refused !== null) {
      this.refuse(draft, other.anchor, refused)
      return refused
    }
    this.drafts.delete(this.own(other))
    this.join(this.own(draft), nodes)
    return null
  }

  /** Records that a node does not join, for those who ask why. */
  refuse(draft: Draft, node: Node, why: Refusal): void {
    this.own(draft).refused.set(node, why)
  }

  /** Gives back all members but these, for a reason. */
  keep(draft: Draft, nodes: Iterable<Node>, why: Refusal): void {
    const own = this.own(draft)
    this.changeTo(own)
    const before = [...own.members]
    const kept = [...nodes]
    for (const node of before) this.draftOf.delete(node)
    own.members.clear()
    own.lengths.clear()
    own.leastId = Infinity
    own.mostId = -Infinity
    this.join(own, kept)
    for (const node of before) if (!own.members.has(node)) own.refused.set(node, why)
  }

  /** Of the nodes that did not join, those that another group computes: the others are inlined in their readers. */
  refusedBy(draft: Draft): readonly RefusedNode[] {
    const isElsewhere = (node: Node): boolean => ![undefined, draft].includes(this.draftOf.get(node))
    return [...this.own(draft).refused].filter(([node]) => isElsewhere(node)).map(([node, why]) => ({ node, refusal: why }))
  }

  toGroup(draft: Draft): Group {
    const { kind, anchor, members } = draft
    const scores = kind === 'rows' ? [...members].filter(hasMatmulTemplate).sort((a, b) => a.id - b.id) : []
    return Object.freeze({ kind, anchor, members, scores })
  }

  private changeTo(draft: MutableDraft): void {
    if (this.changing === draft) return
    if (this.changing !== null && this.changing.members.size > 0) this.reach.cover(this.changing.leastId, this.changing.mostId)
    this.changing = draft
  }

  private own(draft: Draft): MutableDraft {
    return draft as MutableDraft
  }

  private join(draft: MutableDraft, nodes: readonly Node[]): void {
    for (const [node, length] of chainLengths(draft.lengths, nodes, this.users)) draft.lengths.set(node, length)
    for (const node of nodes) {
      draft.members.add(node)
      this.draftOf.set(node, draft)
      draft.leastId = Math.min(draft.leastId, node.id)
      draft.mostId = Math.max(draft.mostId, node.id)
    }
  }
}
