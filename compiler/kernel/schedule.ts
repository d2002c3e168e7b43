/** Graph -> kernels in order, for one target and one regime. */
import type { Target } from '../../plan/target.ts'
import type { Graph, Node } from '../graph/node.ts'
import type { Regime, ScheduleContext } from './context.ts'
import { elementsKernel } from './elements-kernel.ts'
import type { KernelProgram } from './kernel.ts'
import { countKernel, orderKernel } from './order-kernel.ts'
import { partition, type Group, type GroupKind } from './partition.ts'
import { productsKernel } from './products-kernel.ts'
import { rowsKernel } from './rows-kernel.ts'

const MAKERS: { readonly [K in GroupKind]: (group: Group, context: ScheduleContext) => KernelProgram } = {
  products: productsKernel,
  rows: rowsKernel,
  elements: elementsKernel,
  routine: (group, context) => (group.anchor.op === 'order_rows' ? orderKernel : countKernel)(group, context),
}

export interface Schedule {
  readonly kernels: readonly KernelProgram[]
  /** Where the values of a node lie; null where no kernel stores them. */
  readonly inMemory: (node: Node) => boolean
}

export function schedule(graph: Graph, target: Target, regime: Regime): Schedule {
  const parts = partition(graph)
  const context: ScheduleContext = { partition: parts, target, regime }
  return { kernels: parts.groups.map((group) => MAKERS[group.kind](group, context)), inMemory: parts.inMemory }
}
