/** The kernels of plans for WebGPU. */
import type { Kernel, Plan, WgslKernel } from '../../plan/plan.ts'

export function inWgsl(kernel: Kernel): WgslKernel {
  if ('wgsl' in kernel) return kernel
  throw new Error(`${kernel.name} is not in WGSL`)
}

export const wgslKernels = ({ kernels }: Pick<Plan, 'kernels'>): readonly WgslKernel[] => kernels.map(inWgsl)
