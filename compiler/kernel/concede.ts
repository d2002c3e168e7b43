/** What to give up where a kernel needs more buffers than a target binds at once. */
import type { Target } from '../../plan/target.ts'
import type { Node } from '../graph/node.ts'
import type { KernelProgram } from './kernel.ts'
import type { Group } from './group.ts'
import type { Concessions, Partition } from './partition.ts'
import { LimitError } from './limit-error.ts'
import { partsOf } from './parts.ts'

export const bindingCount = (kernel: KernelProgram, target: Target): number =>
  kernel.buffers.reduce((sum, { node }) => sum + partsOf(node, target).parts, 0)

const tooMany = (kernel: KernelProgram, needed: number, { name, maxStorageBuffers }: Target): LimitError =>
  new LimitError(
    'SMOE6001',
    `${kernel.does} needs ${needed} buffers at once; ${name} binds ${maxStorageBuffers}`,
    'fewer operands at once, or an adapter with larger bindings, where a tensor is not cut into parts',
    kernel.origin,
  )

/** Null where every kernel fits. Throws a LimitError where nothing is left to give up. */
export function concede(parts: Partition, kernels: readonly KernelProgram[], target: Target, before: Concessions): Concessions | null {
  const stored = new Set(before.stored)
  const apart = new Set(before.apart)
  let fits = true
  kernels.forEach((kernel, at) => {
    const needed = bindingCount(kernel, target)
    if (needed <= target.maxStorageBuffers) return
    fits = false
    const group = parts.groups[at]
    const loose = loosest(group, parts, before.stored)
    if (loose !== null) stored.add(loose)
    else {
      const last = lastJoined(group, before.apart)
      if (last === null) throw tooMany(kernel, needed, target)
      apart.add(last)
    }
  })
  return fits ? null : { stored, apart }
}

/** The operand computed in place that reads the most buffers, if any reads more than one and was not asked to be stored before. */
function loosest(group: Group, parts: Partition, asked: ReadonlySet<Node>): Node | null {
  let best: Node | null = null
  let most = 1
  for (const member of group.members) {
    for (const input of member.inputs) {
      if (group.members.has(input) || asked.has(input)) continue
      const count = sourcesOf(input, parts).size
      if (!parts.inMemory(input) && count > most) [best, most] = [input, count]
    }
  }
  return best
}

function sourcesOf(node: Node, parts: Partition, found = new Set<Node>(), seen = new Set<Node>()): ReadonlySet<Node> {
  if (seen.has(node)) return found
  seen.add(node)
  if (parts.inMemory(node)) found.add(node)
  else node.inputs.forEach((input) => sourcesOf(input, parts, found, seen))
  return found
}

/** The member that joined last, or a head, of those that were not asked to stay apart: what the group does best without. */
function lastJoined(group: Group, asked: ReadonlySet<Node>): Node | null {
  const followers = [...group.members].filter((node) => node !== group.anchor && !asked.has(node)).sort((a, b) => b.id - a.id)
  return followers[0] ?? null
}
