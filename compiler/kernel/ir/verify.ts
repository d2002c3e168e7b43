/**
 * The verifier of kernels. Each family of rules is a file of `verify/`: bindings, names (`scope.ts`), types, ranges, statements,
 * synchronization, and what is particular to workgroups and to matmuls. Races are found in `races.ts`.
 */
import { PORTABLE } from '../../../plan/target.ts'
import { attentionThreads } from './attention-threads.ts'
import type { Kernel } from './kernel.ts'
import { beginCheck } from './verify/check.ts'
import { checkMatmul } from './verify/matmul.ts'
import type { Fault } from './verify/report.ts'
import { checkWorkgroups, type KernelLimits } from './verify/workgroups.ts'

export { faultText, type Fault } from './verify/report.ts'
export type { KernelLimits } from './verify/workgroups.ts'

/** The faults of a kernel; none for a kernel that every target may run whose limits are no lower. */
export function verifyKernel(kernel: Kernel, limits: KernelLimits = PORTABLE): readonly Fault[] {
  const check = beginCheck(kernel)
  const { computation } = kernel
  if (computation.kind === 'matmul') checkMatmul(computation.matmul, check)
  else if (computation.kind === 'workgroups') checkWorkgroups(computation, limits, check)
  // how many threads compute its rows is for each target to say
  else checkWorkgroups(attentionThreads(computation.attention), { ...limits, maxInvocationsPerWorkgroup: Infinity }, check)
  check.bindings.checkUse()
  return check.report.faults()
}
