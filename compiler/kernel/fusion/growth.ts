/** A set of nodes that grows by readers of its members, in the order of their ids; its outputs are counted incrementally. */
import type { Node } from '../../graph/node.ts'

type Users = ReadonlyMap<Node, readonly Node[]>

/**
 * Nodes in a row that one kernel computes, and as many that it computes in place of reading them: kernels of long chains are cut, so that
 * making one takes no deeper recursion than this, and no text of a kernel grows without end.
 */
export const MAX_CHAIN = 200

/** Mutable while a group is built. Nodes are removed in the reverse order of insertion. */
export class Growth {
  readonly set = new Set<Node>()
  /** The number of members with readers outside. */
  exitCount = 0

  readonly users: Users
  readonly outputs: ReadonlySet<Node>
  /** Member -> how many of its readers are outside. */
  readonly outside = new Map<Node, number>()
  readonly depths = new Map<Node, number>()
  /** Readers that were not tried yet, the first one last. */
  readonly waiting: Node[] = []

  constructor(users: Users, outputs: ReadonlySet<Node>) {
    this.users = users
    this.outputs = outputs
  }

  isExit(node: Node): boolean {
    return this.outside.get(node)! > 0 || this.outputs.has(node)
  }

  private count(node: Node, by: 1 | -1): void {
    const before = this.isExit(node)
    this.outside.set(node, this.outside.get(node)! + by)
    if (before !== this.isExit(node)) this.exitCount += by
  }

  add(node: Node): void {
    const operands = [...new Set(node.inputs)].filter((input) => this.set.has(input))
    this.set.add(node)
    this.depths.set(node, 1 + operands.reduce((most, input) => Math.max(most, this.depths.get(input)!), 0))
    this.outside.set(
      node,
      this.users.get(node)!.reduce((sum, user) => sum + Number(!this.set.has(user)), 0),
    )
    if (this.isExit(node)) this.exitCount += 1
    for (const operand of operands) this.count(operand, -1)
  }

  remove(node: Node): void {
    this.set.delete(node)
    if (this.isExit(node)) this.exitCount -= 1
    for (const operand of new Set(node.inputs)) if (this.set.has(operand)) this.count(operand, 1)
  }

  isTooDeep(node: Node): boolean {
    return this.depths.get(node)! > MAX_CHAIN
  }

  /** A member that stays: its readers may join. */
  settle(node: Node): void {
    for (const user of this.users.get(node)!) if (!this.set.has(user)) this.wait(user)
  }

  private wait(user: Node): void {
    let [low, high] = [0, this.waiting.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.waiting[middle].id > user.id) low = middle + 1
      else high = middle
    }
    if (this.waiting[low] !== user) this.waiting.splice(low, 0, user)
  }

  /** The first reader, by order, of what the set leaves, of those that were not refused: each is named once. */
  next(refused: ReadonlySet<Node>): Node | undefined {
    for (;;) {
      const user = this.waiting.pop()
      if (user === undefined || !(this.set.has(user) || refused.has(user))) return user
    }
  }
}
