/** Graph to kernels in order, for one target and one variant of the program. */
import type { Target } from '../../plan/target.ts'
import type { Graph, Node } from '../graph/node.ts'
import { backOff } from './fusion/back-off.ts'
import type { Variant, ScheduleContext } from './scope/context.ts'
import { elementwiseKernel } from './elementwise-kernel.ts'
import { writeInPlace } from './aliasing/in-place.ts'
import type { KernelProgram } from './ir/kernel.ts'
import type { Group, GroupKind, Fusion } from './group.ts'
import { fuse } from './fusion/fuse.ts'
import type { RefusedNode } from './not-fused.ts'
import { UNCONSTRAINED, type SplitConstraints } from './fusion/split-constraints.ts'
import { matmulKernel } from './matmul/matmul-kernel.ts'
import { customKernel } from './custom-kernels.ts'
import { rowsKernel } from './rows/rows-kernel.ts'
import { sourcesOf } from './fusion/sources.ts'

const MAKERS: { readonly [K in GroupKind]: (group: Group, context: ScheduleContext) => KernelProgram } = {
  matmul: matmulKernel,
  rows: rowsKernel,
  elementwise: elementwiseKernel,
  custom: customKernel,
}

export interface Schedule {
  readonly kernels: readonly KernelProgram[]
  /** Whether a buffer holds the values of a node. */
  readonly isMaterialized: (node: Node) => boolean
  /** By kernel: what could have been fused with it, and why it is not. */
  readonly refused: readonly (readonly RefusedNode[])[]
  /** Name of an output that updates a weight in place -> the node whose kernel stores it there; other updates are copied. */
  readonly inPlace: ReadonlyMap<string, Node>
}

interface Made {
  readonly key: string
  readonly kernel: KernelProgram
}

/** Fuses the graph into kernels; where one needs more buffers than the target binds, fuses again under split constraints. */
export function schedule(graph: Graph, target: Target, variant: Variant): Schedule {
  let constraints: SplitConstraints = UNCONSTRAINED
  let known: ReadonlyMap<Node, Made> = new Map()
  for (;;) {
    const fusion = fuse(graph, target, constraints)
    const made = makeAll(fusion, { fusion, target, variant }, known)
    const { kernels, inPlace } = writeInPlace(
      graph,
      made.map(({ kernel }) => kernel),
      fusion.isMaterialized,
      target,
    )
    const more = backOff(fusion, kernels, target, constraints)
    if (more === null)
      return { kernels, isMaterialized: fusion.isMaterialized, refused: fusion.groups.map(fusion.refused), inPlace }
    constraints = more
    known = new Map(made.map((each, at) => [fusion.groups[at].anchor, each]))
  }
}

/** The kernel of each group; a group that an earlier attempt had as well keeps its kernel. */
function makeAll(fusion: Fusion, context: ScheduleContext, known: ReadonlyMap<Node, Made>): readonly Made[] {
  return fusion.groups.map((group) => {
    const key = keyOf(group, fusion)
    const before = known.get(group.anchor)
    return before?.key === key ? before : { key, kernel: MAKERS[group.kind](group, context) }
  })
}

/** All that a kernel depends on besides the graph: what it computes, stores and reads. */
function keyOf(group: Group, fusion: Fusion): string {
  const members = [...group.members]
  const outer = members.flatMap((member) => member.inputs.filter((input) => !group.members.has(input)))
  const lists = [members, group.scores, fusion.results(group), [...sourcesOf(outer, fusion)]]
  return `${group.kind} ${lists.map((nodes) => nodes.map(({ id }) => id).join(',')).join(' ')}`
}
