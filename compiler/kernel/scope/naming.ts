/** Names of the buffers within one kernel: after weights and inputs where there are such, never after a layer's number. */
import { product } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { weightStorage } from '../../graph/weight-storage.ts'
import { stateNameOf } from '../../graph/walk.ts'
import type { KernelBuffer } from '../ir/kernel.ts'

const leafName = (path: string): string => path.split('.').at(-1)!.replace(/\W/g, '_')

function hint(node: Node): string {
  switch (node.op) {
    case 'weight':
    case 'input':
    case 'load_time_constant':
      return leafName(node.params.name)
    case 'variable':
      return leafName(stateNameOf(node))
    case 'constant':
      return 'table'
    case 'top_k':
      return 'chosen'
    case 'expert_histogram':
      return 'counts'
    case 'sort_by_expert':
      return 'order'
    case 'sinkhorn_step':
      return 'state'
    default:
      return 'x'
  }
}

export interface Naming {
  /** The name under which the kernel reads a node's memory. */
  readonly read: (node: Node) => string
  readonly write: (node: Node) => string
  readonly buffers: () => readonly KernelBuffer[]
}

export function createNaming(): Naming {
  const byNode = new Map<Node, KernelBuffer>()
  const taken = new Set<string>()
  /** Base -> the last number that was tried. */
  const tried = new Map<string, number>()
  const name = (node: Node, base: string, access: KernelBuffer['access']): string => {
    const known = byNode.get(node)
    if (known !== undefined) return known.name
    let unique = base
    for (let n = tried.get(base) ?? 1; taken.has(unique); tried.set(base, n)) unique = `${base}${++n}`
    taken.add(unique)
    byNode.set(node, { name: unique, node, access, dtype: node.dtype, ...weightStorage(node), elements: product(node.shape) })
    return unique
  }
  return {
    read: (node) => name(node, hint(node), 'read'),
    write: (node) => name(node, hint(node) === 'x' ? 'y' : hint(node), 'read_write'),
    buffers: () => [...byNode.values()],
  }
}
