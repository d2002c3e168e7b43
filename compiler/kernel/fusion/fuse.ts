/**
 * Which nodes are computed together. A group is a set of nodes that one kernel computes; what it leaves in memory are the nodes that
 * others read. Nodes in no group are computed in place wherever they are read.
 */
import { constantValue, ONE, product } from '../../../plan/dim.ts'
import type { Target } from '../../../plan/target.ts'
import { records } from '../../ops/records.ts'
import type { Graph, Node } from '../../graph/node.ts'
import { liveNodes } from '../../graph/walk.ts'
import { costs } from './cost-model.ts'
import type { Group, GroupKind, Fusion } from '../group.ts'
import { listSchedule } from './list-scheduling.ts'
import { MAX_CHAIN, Growth } from './growth.ts'
import { storedOf, within } from './recompute.ts'
import { isMatmul, matmulView, sharesLeft } from '../matmul/matmul-view.ts'
import { createReach, type Reach } from './reach.ts'
import { replacedTogether, sharedScalars, withBetween } from './persistent-state.ts'
import { staysInRow } from './row-local.ts'

/** Work of more than this, done again for every reader, is rather stored. */
const CHEAP = 6
/** Rows of a router's workgroup: the block in which experts are counted. One lane ranks each, so a processor's lanes are all at work. */
export const ROUTER_ROWS = 8
/** Rows that a router may count at once. */
const MOST_COUNTED = 64
/** Experts chosen for a row, and parts of sums: what a router's workgroup holds beside the scores. */
const MOST_CHOSEN = 64
const PART_BYTES = 512

const isLeafBuffer = (node: Node): boolean =>
  node.op === 'input' ||
  node.op === 'weight' ||
  node.op === 'load_time_constant' ||
  (node.op === 'constant' && node.shape.length > 0)
const isRoutine = (node: Node): boolean => records[node.op].kind === 'routine'
/** Sums of rows whose order is known have a kernel of their own; others are sought by each element. */
const isOrderedSum = (node: Node): boolean => node.op === 'segment_sum' && node.inputs.length > 2
const isElementwise = (node: Node): boolean => records[node.op].kind === 'elementwise'
const isReduction = (node: Node): boolean => records[node.op].kind === 'reduction'

/** Whether a product of the set multiplies what the set makes: the whole of it would have to be there before. */
const readsItself = (set: ReadonlySet<Node>): boolean =>
  [...set].some((node) => isMatmul(node) && node.inputs.some((input) => set.has(input)))

interface Draft {
  /** In the order in which they were begun. */
  at: number
  kind: GroupKind
  anchor: Node
  members: Set<Node>
  scores: Node[]
  /** Ids of its first and its last member. */
  least: number
  most: number
}

const inTurn = (a: Draft, b: Draft): number => a.at - b.at

/** What a first attempt has shown to be too much for one kernel. */
export interface SplitConstraints {
  /** Loose nodes that are stored, though they could be computed where they are read. */
  readonly materialized: ReadonlySet<Node>
  /** Nodes that join no group that has begun before them. */
  readonly split: ReadonlySet<Node>
}

export const UNCONSTRAINED: SplitConstraints = { materialized: new Set(), split: new Set() }

export function fuse(graph: Graph, target: Target, concessions: SplitConstraints = UNCONSTRAINED): Fusion {
  return new Partitioner(graph, target, concessions).run()
}

/** Identity is the work in progress: which node is in which draft. */
class Partitioner {
  readonly graph: Graph
  readonly nodes: readonly Node[]
  readonly users = new Map<Node, Node[]>()
  readonly outputs: ReadonlySet<Node>
  /** What products read, and orders of sums, which lies in memory. */
  readonly operands: ReadonlySet<Node>
  /** Whether the graph replaces weights. */
  readonly replaces: boolean
  readonly draftOf = new Map<Node, Draft>()
  readonly drafts = new Set<Draft>()
  readonly reach: Reach
  begun = 0

  readonly target: Target
  readonly concessions: SplitConstraints

  constructor(graph: Graph, target: Target, constraints: SplitConstraints) {
    this.graph = graph
    this.target = target
    this.concessions = constraints
    this.nodes = liveNodes(graph)
    this.reach = createReach((this.nodes.at(-1)?.id ?? 0) + 1)
    this.outputs = new Set(graph.outputs.map(({ node }) => node))
    this.operands = new Set(
      this.nodes.flatMap((node) =>
        isMatmul(node) ? matmulView(node).operandsInMemory : isOrderedSum(node) ? [node.inputs[2]] : [],
      ),
    )
    this.replaces = graph.outputs.some(({ replaces }) => replaces !== undefined)
    for (const node of this.nodes) this.users.set(node, [])
    for (const node of this.nodes) for (const input of new Set(node.inputs)) this.users.get(input)!.push(node)
  }

  run(): Fusion {
    for (const node of this.nodes) if (!this.draftOf.has(node)) this.start(node)
    this.joinHeads()
    this.joinReplaced()
    this.storeWhatIsRead()
    return this.finish()
  }

  start(node: Node): void {
    if (isMatmul(node))
      this.keep(
        'matmul',
        node,
        this.grow(node, (u) => this.joinsProducts(node, u)),
      )
    else if (isRoutine(node) || isOrderedSum(node)) this.keep('custom', node, [node])
    else if (node.op === 'top_k' || (isReduction(node) && this.reducesLast(node))) this.keep('rows', node, this.growRows(node))
    else if (isReduction(node))
      this.keep(
        'elementwise',
        node,
        this.grow(node, (u) => this.joinsElements(node, u)),
      )
  }

  keep(kind: GroupKind, anchor: Node, members: Iterable<Node>): Draft {
    const draft: Draft = {
      at: this.begun++,
      kind,
      anchor,
      members: new Set(),
      scores: kind === 'matmul' ? [anchor] : [],
      least: anchor.id,
      most: anchor.id,
    }
    for (const member of members) this.join(draft, member)
    this.drafts.add(draft)
    return draft
  }

  join(draft: Draft, member: Node): void {
    draft.members.add(member)
    this.draftOf.set(member, draft)
    draft.least = Math.min(draft.least, member.id)
    draft.most = Math.max(draft.most, member.id)
    this.reach.cover(draft.least, draft.most)
  }

  reducesLast(node: Node): boolean {
    return (node.params as { axis: number }).axis === node.inputs[0].shape.length - 1
  }

  /** Members of a set that something outside it reads. */
  exits(set: ReadonlySet<Node>): readonly Node[] {
    return [...set].filter((node) => this.outputs.has(node) || this.users.get(node)!.some((user) => !set.has(user)))
  }

  /**
   * Takes in the readers of a set one after the other, those that fit; keeps the largest set that leaves a single node, or several that
   * lie in memory anyway. Whole chains join or none of them, so that nothing is stored that was not stored before.
   */
  grow(seed: Node, fits: (user: Node) => readonly Node[] | null): ReadonlySet<Node> {
    const growth = this.growthFrom(seed)
    const { set } = growth
    const refused = new Set<Node>()
    const steps = [{ size: 1, exits: growth.exitCount }]
    for (let user = growth.next(refused); user !== undefined; user = growth.next(refused)) {
      const joining = this.draftOf.has(user) || this.concessions.split.has(user) ? null : fits(user)
      const added = joining?.filter((node) => !set.has(node)) ?? []
      for (const node of added) growth.add(node)
      if (
        joining === null ||
        added.some((node) => growth.isTooDeep(node) || this.isReadAsWhole(node, set)) ||
        this.closesCycleWith(added, user, set)
      ) {
        for (const node of added.toReversed()) growth.remove(node)
        refused.add(user)
      } else {
        for (const node of added) growth.settle(node)
        steps.push({ size: set.size, exits: growth.exitCount })
      }
    }
    return this.largestOf([...set], steps)
  }

  growthFrom(seed: Node): Growth {
    const growth = new Growth(this.users, this.outputs)
    growth.add(seed)
    growth.settle(seed)
    return growth
  }

  /** Of the sets that a growth went through, by how many members each had, the last that is worth keeping. */
  largestOf(members: readonly Node[], steps: readonly { readonly size: number; readonly exits: number }[]): ReadonlySet<Node> {
    for (const { size, exits } of steps.slice(1).reverse()) {
      const set = new Set(members.slice(0, size))
      const kept = exits <= 1 ? set : this.leavesNoMore(set)
      if (kept !== null) return kept
    }
    return new Set(members.slice(0, 1))
  }

  /** Whether a product of the set multiplies a node that joins it, or one that joins multiplies what the set makes. */
  isReadAsWhole(node: Node, set: ReadonlySet<Node>): boolean {
    return (
      (isMatmul(node) && node.inputs.some((input) => set.has(input))) ||
      this.users.get(node)!.some((user) => isMatmul(user) && set.has(user))
    )
  }

  /** Whether nodes close a cycle with the set they have joined, which had none: one that reads it does so through its operands alone. */
  closesCycleWith(added: readonly Node[], user: Node, set: ReadonlySet<Node>): boolean {
    return this.closesCycle(set, added.length === 1 && added[0] === user ? added : set)
  }

  /** The set where it leaves one node alone; what it needs for several that each lie in memory whoever makes them, one of which it saves a kernel of its own. */
  leavesNoMore(set: ReadonlySet<Node>): Set<Node> | null {
    const exits = this.exits(set)
    if (exits.length <= 1) return new Set(set)
    const kept = storedOf(set, exits, (node) => this.liesAnyway(node))
    return kept.every((node) => this.liesAnyway(node)) && kept.some(isElementwise) ? within(set, kept) : null
  }

  /** Whether a node that something reads lies in memory however groups are made. */
  liesAnyway(node: Node): boolean {
    const made = node.op === 'cast_f16' ? node.inputs[0] : node
    if (this.outputs.has(node) || this.operands.has(node) || isMatmul(made) || isReduction(made)) return true
    return this.users.get(node)!.some((user) => isRoutine(user) || (user.op === 'reshape' && this.operands.has(user)))
  }

  joinsElements(anchor: Node, user: Node): readonly Node[] | null {
    return this.isSameElements(anchor, user) ? [user] : null
  }

  isSameElements(anchor: Node, user: Node): boolean {
    if (product(user.shape) !== product(anchor.shape)) return false
    // rows without an expert are left unwritten, by all that joins: what takes another value in their place reads them later
    if (anchor.op === 'grouped_matmul' && user.op === 'select') return false
    return isElementwise(user) || user.op === 'reshape'
  }

  /** A reader joins with the products of the same left operand that it reads too. */
  joinsProducts(anchor: Node, user: Node): readonly Node[] | null {
    if (!this.isSameElements(anchor, user)) return null
    const twins: Node[] = []
    const collect = (node: Node): boolean => {
      if (this.draftOf.has(node)) return false
      if (isMatmul(node)) {
        if (node !== anchor && !sharesLeft(anchor, node)) return false
        twins.push(node)
        return true
      }
      if (!this.isSameElements(anchor, node) || node.inputs.length === 0) return false
      const found = node.inputs.map(collect)
      if (found.some(Boolean)) twins.push(node)
      return found.some(Boolean)
    }
    user.inputs.forEach(collect)
    return [...new Set([...twins, user])]
  }

  /** Rows: everything that stays within a row of the reduced tensor; what only adds results is given back. */
  growRows(anchor: Node): ReadonlySet<Node> {
    const rows = product(anchor.inputs[0].shape.slice(0, -1))
    // a number made of all that is learned must not draw every move of the weights into its one workgroup
    const isApart = (user: Node): boolean => this.replaces && rows === ONE && product(user.shape) !== ONE
    const growth = this.growthFrom(anchor)
    const { set } = growth
    const refused = new Set<Node>()
    for (let user = growth.next(refused); user !== undefined; user = growth.next(refused)) {
      growth.add(user)
      const isOpen = !this.draftOf.has(user) && !this.concessions.split.has(user) && !growth.isTooDeep(user)
      if (isOpen && !isApart(user) && staysInRow(user, rows, set) && !this.closesCycle(set, [user])) growth.settle(user)
      else {
        growth.remove(user)
        refused.add(user)
      }
    }
    for (const node of [...set].slice(1).reverse()) {
      if (!isElementwise(node) && records[node.op].kind !== 'movement') break
      const before = growth.exitCount
      growth.remove(node)
      if (growth.exitCount < before) continue
      growth.add(node)
      break
    }
    return set
  }

  /** Whether something outside the set lies on a way from the set back into it, groups taken as one. Ways that end in `ends` are looked at. */
  closesCycle(set: ReadonlySet<Node>, ends: Iterable<Node> = set): boolean {
    const floor = this.floorOf(set)
    const seen = new Set<Node>()
    const stack: Node[] = []
    const push = (node: Node): void => {
      for (const input of node.inputs) if (input.id >= floor && !seen.has(input)) stack.push(input)
    }
    for (const node of ends) for (const input of node.inputs) if (!set.has(input)) stack.push(input)
    while (stack.length > 0) {
      const node = stack.pop()!
      if (set.has(node)) return true
      if (seen.has(node) || node.id < floor) continue
      seen.add(node)
      const draft = this.draftOf.get(node)
      if (draft === undefined) {
        push(node)
        continue
      }
      for (const member of draft.members) {
        seen.add(member)
        for (const input of member.inputs) {
          if (set.has(input)) return true
          if (!draft.members.has(input) && !seen.has(input)) stack.push(input)
        }
      }
    }
    return false
  }

  /** The id below which nothing leads to the set: operands have smaller ids, and no group from there reaches further up. */
  floorOf(set: ReadonlySet<Node>): number {
    let least = Infinity
    for (const { id } of set) least = Math.min(least, id)
    return this.reach.floorOf(least)
  }

  /** A router: products of few columns whose rows are ranked at once are computed by the kernel that ranks them. */
  joinHeads(): void {
    for (const rows of [...this.drafts].filter((draft) => draft.kind === 'rows')) {
      if (![...rows.members].some((node) => node.op === 'top_k')) continue
      const waiting = this.productsReadBy(rows.members)
      for (let scores = waiting.shift(); scores !== undefined; scores = waiting.shift()) {
        if (this.concessions.split.has(scores.anchor) || !this.isHead(scores, rows)) continue
        const joined = new Set([...scores.members, ...rows.members])
        if (readsItself(joined) || this.closesCycle(joined)) continue
        for (const member of scores.members) this.join(rows, member)
        rows.scores.push(...scores.scores)
        this.drafts.delete(scores)
        const { at } = scores
        const more = this.productsReadBy(scores.members).filter((draft) => draft.at > at && !waiting.includes(draft))
        waiting.push(...more)
        waiting.sort(inTurn)
      }
      this.joinCounts(rows)
    }
  }

  /** Groups of products that leave what the nodes read, in the order in which they were begun. */
  productsReadBy(nodes: Iterable<Node>): Draft[] {
    const found = new Set<Draft>()
    for (const node of nodes) {
      for (const input of node.inputs) {
        const draft = this.draftOf.get(input)
        if (draft?.kind === 'matmul') found.add(draft)
      }
    }
    return [...found].sort(inTurn)
  }

  isHead(scores: Draft, rows: Draft): boolean {
    const view = matmulView(scores.anchor)
    const columns = constantValue(view.columns)
    if (view.kind !== 'dense' || columns === undefined) return false
    const held = [...rows.scores, scores.anchor].reduce((sum, head) => sum + constantValue(matmulView(head).columns)!, 0)
    if (ROUTER_ROWS * 4 * (held + MOST_CHOSEN) + PART_BYTES > this.target.maxWorkgroupStorageBytes) return false
    if ([...scores.members].filter(isMatmul).length !== 1) return false
    const rowCount = product(rows.anchor.inputs[0].shape.slice(0, -1))
    // the kernel indexes all that it holds by row and last axis: scores of several column axes are another kernel's
    if ([...scores.members].some((node) => product(node.shape.slice(0, -1)) !== rowCount)) return false
    return (
      view.rows === rowCount &&
      this.exits(scores.members).every(
        (exit) => !this.outputs.has(exit) && this.users.get(exit)!.every((user) => rows.members.has(user)),
      )
    )
  }

  /** The counts of what was ranked, block by block of rows, belong to the kernel that ranks; it counts in one way. */
  joinCounts(rows: Draft): void {
    const counts = [...rows.members].flatMap((node) => this.users.get(node)!).filter((user) => user.op === 'expert_histogram')
    const drafts = counts.map((count) => this.draftOf.get(count)!).filter(({ anchor }) => anchor.op === 'expert_histogram')
    for (const draft of drafts.sort(inTurn)) {
      const count = draft.anchor as Node<'expert_histogram'> & { op: 'expert_histogram' }
      if (count.params.block > MOST_COUNTED || !rows.members.has(count.inputs[0]) || this.concessions.split.has(count)) continue
      this.join(rows, count)
      this.drafts.delete(draft)
      return
    }
  }

  /** What takes the place of weights that are read for one another is worked out at once, an element at a time: each weight is read once. */
  joinReplaced(): void {
    const isLoose = (node: Node): boolean => !this.draftOf.has(node) && !isLeafBuffer(node)
    const isOpen = (node: Node): boolean => isLoose(node) && isElementwise(node) && !this.concessions.split.has(node)
    for (const nodes of replacedTogether(this.graph, isOpen, isLoose)) {
      const members = withBetween(nodes, isLoose)
      if (this.closesCycle(members) || this.exits(members).some((exit) => !nodes.includes(exit))) continue
      for (const shared of sharedScalars(nodes, isLoose)) this.keep('elementwise', shared, [shared])
      this.keep('elementwise', nodes[0], members)
    }
  }

  /** Loose nodes that must lie in memory: outputs, operands of products and routines, and dear work with several readers. */
  storeWhatIsRead(): void {
    // two are as good as many
    const sinks = new Map<Node, Set<unknown>>()
    // reshapes of what must lie: their source lies in their place
    const shown = new Set<Node>()
    const deep = this.endsOfChains()
    const cost = costs(this.nodes, (node) => this.draftOf.has(node) || isLeafBuffer(node))
    for (const node of [...this.nodes].reverse()) {
      if (this.draftOf.has(node)) continue
      const readers = new Set<unknown>()
      let mustLie = this.outputs.has(node) || this.concessions.materialized.has(node) || this.operands.has(node) || deep.has(node)
      for (const user of this.users.get(node)!) {
        const draft = this.draftOf.get(user)
        if (draft === undefined) {
          for (const sink of sinks.get(user)!) if (readers.size < 2) readers.add(sink)
          mustLie ||= shown.has(user)
        } else {
          readers.add(draft)
          mustLie ||= isRoutine(user)
        }
      }
      sinks.set(node, readers)
      if (isLeafBuffer(node)) continue
      if (mustLie && node.op === 'reshape' && !this.outputs.has(node)) shown.add(node)
      else if (mustLie || (readers.size > 1 && cost.get(node)! > CHEAP))
        sinks.set(node, new Set([this.keep('elementwise', node, [node])]))
    }
  }

  /** Loose nodes that end a chain of as many as a kernel computes in place. */
  endsOfChains(): ReadonlySet<Node> {
    const ends = new Set<Node>()
    const depths = new Map<Node, number>()
    const depthOf = (node: Node): number => (ends.has(node) ? 0 : (depths.get(node) ?? 0))
    for (const node of this.nodes) {
      if (this.draftOf.has(node) || isLeafBuffer(node)) continue
      const depth = 1 + node.inputs.reduce((most, input) => Math.max(most, depthOf(input)), 0)
      depths.set(node, depth)
      if (depth >= MAX_CHAIN) ends.add(node)
    }
    return ends
  }

  /** What a group leaves in memory; of what it only repeats, the one that is repeated. */
  resultsOf({ members, kind, anchor }: Group): readonly Node[] {
    const isRepeated = (node: Node): boolean =>
      node.op === 'broadcast' &&
      members.has(node.inputs[0]) &&
      !this.outputs.has(node) &&
      this.users.get(node)!.every((user) => members.has(user) || isElementwise(user) || isReduction(user))
    const exits = this.exits(members)
    const kept =
      kind === 'matmul' || kind === 'elementwise'
        ? storedOf(members, exits, (node) => node === anchor || this.liesAnyway(node))
        : exits
    const left = kept.map((node) => (isRepeated(node) ? node.inputs[0] : node))
    return [...new Set(left)].sort((a, b) => a.id - b.id)
  }

  finish(): Fusion {
    const groups = new Map<Draft, Group>()
    for (const draft of this.drafts) {
      const { kind, anchor, members, scores } = draft
      groups.set(draft, Object.freeze({ kind, anchor, members, scores }))
    }
    const groupOf = new Map<Node, Group>()
    for (const [node, draft] of this.draftOf) groupOf.set(node, groups.get(draft)!)
    const results = new Map<Group, readonly Node[]>()
    for (const group of groups.values()) results.set(group, this.resultsOf(group))
    const stored = new Set([...results.values()].flat())
    return {
      groups: listSchedule([...groups.values()], groupOf),
      users: this.users,
      isMaterialized: (node) => isLeafBuffer(node) || stored.has(node),
      results: (group) => results.get(group)!,
    }
  }
}
