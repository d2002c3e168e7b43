/** Nodes with a kernel of their own: the maker of each. */
import type { OpName } from '../graph/vocabulary.ts'
import type { ScheduleContext } from './scope/context.ts'
import type { KernelProgram } from './ir/kernel.ts'
import { countKernel, orderKernel } from './routing/sort-kernel.ts'
import type { Group } from './group.ts'
import { placeKernel } from './routing/position-kernel.ts'
import { sumRowsKernel } from './routing/segment-sum-kernel.ts'
import { svdKernel } from './svd/svd-kernel.ts'
import { sinkhornGradientKernel } from './sinkhorn/gradient-kernel.ts'
import { sinkhornKernel } from './sinkhorn/sinkhorn-kernel.ts'
import { sinkhornFinishKernel } from './sinkhorn/finish-kernel.ts'
import { sinkhornStepKernel } from './sinkhorn/step-kernel.ts'

type Maker = (group: Group, context: ScheduleContext) => KernelProgram

const ROUTINES: { readonly [N in OpName]?: Maker } = {
  expert_histogram: countKernel,
  sort_by_expert: orderKernel,
  position_in_expert: placeKernel,
  segment_sum: sumRowsKernel,
  svd: svdKernel,
  sinkhorn: sinkhornKernel,
  sinkhorn_gradient: sinkhornGradientKernel,
  sinkhorn_step: sinkhornStepKernel,
  sinkhorn_finish: sinkhornFinishKernel,
}

export function routineKernel(group: Group, context: ScheduleContext): KernelProgram {
  const make = ROUTINES[group.anchor.op]
  if (make === undefined) throw new Error(`${group.anchor.op} has no kernel of its own`)
  return make(group, context)
}
