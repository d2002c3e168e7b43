/** Kernels to code, each distinct kernel once: the layers of a model repeat theirs. */
import type { PlanTarget } from '../../plan/plan.ts'
import type { Target } from '../../plan/target.ts'
import type { EmitOptions, EmittedKernel } from '../kernel/emitted.ts'
import type { KernelProgram } from '../kernel/ir/kernel.ts'
import { printKernel } from '../kernel/ir/print.ts'
import { partsOf } from '../kernel/parts.ts'
import { emitKernel as emitWasm } from '../wasm/emit-kernel.ts'
import { emitKernel as emitWgsl } from '../wgsl/emit-kernel.ts'

type Emit = (program: KernelProgram, options: EmitOptions) => EmittedKernel

type KernelOptions = Pick<EmitOptions, 'variant' | 'storage'>

interface Emitter {
  readonly emit: Emit
  /** What its code depends on beside the kernel and its buffers. */
  readonly dependsOn: (program: KernelProgram, options: EmitOptions) => readonly string[]
}

const EMITTERS: { readonly [T in PlanTarget]: Emitter } = {
  webgpu: { emit: emitWgsl, dependsOn: ({ does }, { variant }) => [does, variant] },
  cpu: { emit: emitWasm, dependsOn: () => [] },
}

/** The emitter of a target. Kernels of the same text and the same buffers have the code, and the places, of the first one. */
export function createEmitter(
  target: Target,
  dims: readonly string[],
): (program: KernelProgram, options: KernelOptions) => EmittedKernel {
  const { emit, dependsOn } = EMITTERS[target.runs]
  const emitted = new Map<string, EmittedKernel>()
  return (program, own) => {
    const options = { ...own, dims, target }
    const buffers = program.buffers.map(({ node }) => ({ storage: own.storage(node), ...partsOf(node, target) }))
    const key = JSON.stringify([printKernel(program), buffers, ...dependsOn(program, options)])
    const known = emitted.get(key)
    if (known !== undefined) return known
    const made = emit(program, options)
    emitted.set(key, made)
    return made
  }
}
