/** Graph -> kernels in order, for one target and one regime. */
import type { Target } from '../../plan/target.ts'
import type { Graph, Node } from '../graph/node.ts'
import { concede } from './concede.ts'
import type { Regime, ScheduleContext } from './context.ts'
import { elementsKernel } from './elements-kernel.ts'
import { writeInPlace } from './in-place.ts'
import type { KernelProgram } from './kernel.ts'
import type { Group, GroupKind } from './group.ts'
import { NO_CONCESSIONS, partition, type Concessions } from './partition.ts'
import { productsKernel } from './products-kernel.ts'
import { routineKernel } from './routines.ts'
import { rowsKernel } from './rows-kernel.ts'

const MAKERS: { readonly [K in GroupKind]: (group: Group, context: ScheduleContext) => KernelProgram } = {
  products: productsKernel,
  rows: rowsKernel,
  elements: elementsKernel,
  routine: routineKernel,
}

export interface Schedule {
  readonly kernels: readonly KernelProgram[]
  /** Whether the values of a node lie in memory. */
  readonly inMemory: (node: Node) => boolean
  /** Output that replaces a weight, by name -> the node whose values its kernel stores in the weight; the others are copied there. */
  readonly inPlace: ReadonlyMap<string, Node>
}

/** Cuts the graph into kernels; where one needs more buffers than the target binds, cuts again with less in it. */
export function schedule(graph: Graph, target: Target, regime: Regime): Schedule {
  let concessions: Concessions = NO_CONCESSIONS
  for (;;) {
    const parts = partition(graph, target, concessions)
    const context: ScheduleContext = { partition: parts, target, regime }
    const made = parts.groups.map((group) => MAKERS[group.kind](group, context))
    const { kernels, inPlace } = writeInPlace(graph, made, parts.inMemory, target)
    const more = concede(parts, kernels, target, concessions)
    if (more === null) return { kernels, inMemory: parts.inMemory, inPlace }
    concessions = more
  }
}
