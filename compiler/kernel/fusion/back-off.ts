/** Fusion back-off: split constraints for the next attempt, where a kernel needs more buffers than the target binds. */
import type { Target } from '../../../plan/target.ts'
import type { Node } from '../../graph/node.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group, Fusion } from '../group.ts'
import type { SplitConstraints } from './split-constraints.ts'
import { LimitError } from '../limit-error.ts'
import { partsOf } from '../parts.ts'
import { sourcesOf } from './sources.ts'

export const bindingCount = (kernel: KernelProgram, target: Target): number =>
  kernel.buffers.reduce((sum, { node }) => sum + partsOf(node, target).parts, 0)

const tooMany = (kernel: KernelProgram, needed: number, { name, maxStorageBuffers }: Target): LimitError =>
  new LimitError(
    'SMOE6001',
    `${kernel.does} needs ${needed} buffers at once; ${name} binds ${maxStorageBuffers}`,
    'fewer operands at once, or an adapter with larger bindings, where a tensor needs one buffer and not several',
    kernel.origin,
  )

/** The constraints of the next attempt; null where every kernel fits. Throws a LimitError where nothing is left to split. */
export function backOff(
  fusion: Fusion,
  kernels: readonly KernelProgram[],
  target: Target,
  before: SplitConstraints,
): SplitConstraints | null {
  const materialized = new Set(before.materialized)
  const split = new Set(before.split)
  let fits = true
  kernels.forEach((kernel, at) => {
    const needed = bindingCount(kernel, target)
    if (needed <= target.maxStorageBuffers) return
    fits = false
    const group = fusion.groups[at]
    const inlined = widestInlined(group, fusion, before.materialized)
    if (inlined !== null) for (const node of [inlined, ...cutsOf(inlined, fusion, target)]) materialized.add(node)
    else {
      const last = lastJoined(group, before.split, fusion, target)
      if (last.length === 0) throw tooMany(kernel, needed, target)
      for (const node of last) split.add(node)
    }
  })
  return fits ? null : { materialized, split }
}

/** The inlined operand of a group that reads the most buffers, of those that read several and were not to be stored before. */
function widestInlined(group: Group, fusion: Fusion, before: ReadonlySet<Node>): Node | null {
  let best: Node | null = null
  let most = 1
  for (const member of group.members) {
    for (const input of member.inputs) {
      if (group.members.has(input) || before.has(input) || fusion.isMaterialized(input)) continue
      const count = sourcesOf([input], fusion).size
      if (count > most) [best, most] = [input, count]
    }
  }
  return best
}

const bindingsOf = (nodes: Iterable<Node>, target: Target): number => {
  let sum = 0
  for (const node of nodes) sum += partsOf(node, target).parts
  return sum
}

/**
 * What to store of the cone that a node is inlined from, so that each kernel of it binds no more buffers than it may, where that
 * is possible.
 */
function cutsOf(node: Node, { isMaterialized }: Fusion, target: Target): readonly Node[] {
  const cone = new Set([node])
  for (const each of cone) if (!isMaterialized(each)) for (const input of each.inputs) cone.add(input)
  const reads = new Map<Node, ReadonlySet<Node>>()
  const cuts = new Set<Node>()
  const readsOf = (input: Node): Iterable<Node> => (isMaterialized(input) || cuts.has(input) ? [input] : reads.get(input)!)
  const fits = (all: ReadonlySet<Node>): boolean => bindingsOf(all, target) < target.maxStorageBuffers
  for (const each of [...cone].sort((a, b) => a.id - b.id)) {
    if (isMaterialized(each)) continue
    const gathered = (): ReadonlySet<Node> => new Set(each.inputs.flatMap((input) => [...readsOf(input)]))
    let all = gathered()
    while (!fits(all)) {
      const open = each.inputs.filter((input) => !isMaterialized(input) && !cuts.has(input) && reads.get(input)!.size > 1)
      if (open.length === 0) break
      cuts.add(open.reduce((a, b) => (reads.get(b)!.size > reads.get(a)!.size ? b : a)))
      all = gathered()
    }
    reads.set(each, all)
  }
  return [...cuts]
}

/** The members to split off: the last of those that were not split before, until the rest may fit. */
function lastJoined(group: Group, before: ReadonlySet<Node>, fusion: Fusion, target: Target): readonly Node[] {
  const followers = [...group.members].filter((node) => node !== group.anchor && !before.has(node)).sort((a, b) => b.id - a.id)
  const sources = new Map([...group.members].map((member) => [member, outerSources(member, group, fusion)]))
  const readers = new Map<Node, number>()
  for (const read of sources.values()) for (const source of read) readers.set(source, (readers.get(source) ?? 0) + 1)
  let needed = bindingsOf(readers.keys(), target)
  const dropped: Node[] = []
  for (const node of followers) {
    // the rest needs one buffer for its result
    if (dropped.length > 0 && needed < target.maxStorageBuffers) break
    dropped.push(node)
    for (const source of sources.get(node)!) {
      const left = readers.get(source)! - 1
      readers.set(source, left)
      if (left === 0) needed -= partsOf(source, target).parts
    }
  }
  return dropped
}

function outerSources(member: Node, { members }: Group, fusion: Fusion): ReadonlySet<Node> {
  return sourcesOf(
    member.inputs.filter((input) => !members.has(input)),
    fusion,
  )
}
