/** The templates of ops that have a kernel of their own. */
import { appendKernel } from './append-kernel.ts'
import { attentionKernel } from './attention/attention-kernel.ts'
import type { OpName } from '../graph/vocabulary.ts'
import type { ScheduleContext } from './scope/context.ts'
import type { KernelProgram } from './ir/kernel.ts'
import { histogramKernel, sortKernel } from './routing/sort-kernel.ts'
import type { Group } from './group.ts'
import { positionKernel } from './routing/position-kernel.ts'
import { segmentSumKernel } from './routing/segment-sum-kernel.ts'
import { svdKernel } from './svd/svd-kernel.ts'
import { sinkhornGradientKernel } from './sinkhorn/gradient-kernel.ts'
import { sinkhornKernel } from './sinkhorn/sinkhorn-kernel.ts'
import { sinkhornFinishKernel } from './sinkhorn/finish-kernel.ts'
import { sinkhornStepKernel } from './sinkhorn/step-kernel.ts'

type Maker = (group: Group, context: ScheduleContext) => KernelProgram

const CUSTOM_KERNELS: { readonly [N in OpName]?: Maker } = {
  expert_histogram: histogramKernel,
  sort_by_expert: sortKernel,
  position_in_expert: positionKernel,
  segment_sum: segmentSumKernel,
  svd: svdKernel,
  append: appendKernel,
  sinkhorn: sinkhornKernel,
  sinkhorn_gradient: sinkhornGradientKernel,
  sinkhorn_step: sinkhornStepKernel,
  sinkhorn_finish: sinkhornFinishKernel,
  attention: attentionKernel,
  attention_lse: attentionKernel,
  attention_query_gradient: attentionKernel,
  attention_key_gradient: attentionKernel,
  attention_value_gradient: attentionKernel,
}

export function customKernel(group: Group, context: ScheduleContext): KernelProgram {
  const make = CUSTOM_KERNELS[group.anchor.op]
  if (make === undefined) throw new Error(`${group.anchor.op} has no kernel of its own`)
  return make(group, context)
}
