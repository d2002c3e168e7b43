/** The readers of a growing group that have yet to be tried, and how many of its members are live-outs. */
import type { Node } from '../../graph/node.ts'
import type { Facts } from './facts.ts'

/** Mutable while a group grows. Counts are kept as nodes join, so that a long chain costs as many steps as it has nodes. */
export class Frontier {
  private readonly users: Facts['users']
  private readonly outputs: Facts['outputs']
  /** Member -> how many of its readers are outside. */
  private readonly outside = new Map<Node, number>()
  private count = 0
  private readonly known = new Set<Node>()
  /** By id, the first one last. */
  private readonly waiting: Node[] = []

  constructor({ users, outputs }: Facts, anchor: Node) {
    this.users = users
    this.outputs = outputs
    this.add([anchor])
  }

  get liveOutCount(): number {
    return this.count
  }

  /** The first reader, by id, of those that were not tried. */
  next(): Node | undefined {
    let reader = this.waiting.pop()
    while (reader !== undefined && this.outside.has(reader)) reader = this.waiting.pop()
    return reader
  }

  /** Nodes have joined: their readers may follow. */
  add(nodes: readonly Node[]): void {
    for (const node of nodes) this.enter(node)
    for (const node of nodes) for (const user of this.users.get(node)!) if (!this.outside.has(user)) this.wait(user)
  }

  /** A member is given back, after all that have joined later. */
  remove(node: Node): void {
    if (this.isLiveOut(node)) this.count -= 1
    this.outside.delete(node)
    this.changeOperands(node, 1)
  }

  private isLiveOut(node: Node): boolean {
    return this.outside.get(node)! > 0 || this.outputs.has(node)
  }

  private enter(node: Node): void {
    const readers = this.users.get(node)!.filter((user) => !this.outside.has(user))
    this.outside.set(node, readers.length)
    if (this.isLiveOut(node)) this.count += 1
    this.changeOperands(node, -1)
  }

  private changeOperands(node: Node, by: 1 | -1): void {
    for (const operand of new Set(node.inputs)) {
      if (!this.outside.has(operand)) continue
      const before = this.isLiveOut(operand)
      this.outside.set(operand, this.outside.get(operand)! + by)
      if (before !== this.isLiveOut(operand)) this.count += by
    }
  }

  private wait(user: Node): void {
    if (this.known.has(user)) return
    this.known.add(user)
    let [low, high] = [0, this.waiting.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.waiting[middle].id > user.id) low = middle + 1
      else high = middle
    }
    this.waiting.splice(low, 0, user)
  }
}
