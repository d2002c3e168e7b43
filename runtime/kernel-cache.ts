/** Compiles the kernels of plans, each distinct kernel of a device once. */
import { kernelCode, type Kernel } from '../plan/plan.ts'
import type { CompiledKernel, Device } from './device.ts'
import { settleAll } from './settle-all.ts'

/** Kernels by id. */
export type CompiledKernels = ReadonlyMap<number, CompiledKernel>

/** Called with the number of compiled kernels and of all: first with 0, then after each kernel. */
export type CompileProgress = (compiled: number, kernels: number) => void

export interface KernelCompiler {
  /**
   * Compiles kernels concurrently; the result is by kernel id. Throws a KernelError with the kernel and its place in the spec.
   */
  readonly compile: (kernels: readonly Kernel[], onProgress?: CompileProgress) => Promise<CompiledKernels>
  /** Releases kernels of `compile`. A kernel without users leaves the cache. */
  readonly release: (kernels: readonly Kernel[]) => void
}

interface CacheEntry {
  readonly made: Promise<CompiledKernel>
  users: number
}

const kernelKey = (kernel: Kernel): string => JSON.stringify([kernelCode(kernel), kernel.bindings.map(({ access }) => access)])

/** A compiler with a cache by kernel text, so that plans which share kernels compile only the others. */
export function createKernelCompiler(device: Device): KernelCompiler {
  const known = new Map<string, CacheEntry>()

  const compileOne = (kernel: Kernel): Promise<CompiledKernel> => {
    const key = kernelKey(kernel)
    const entry = known.get(key) ?? { made: device.compileKernel(kernel), users: 0 }
    known.set(key, entry)
    entry.users++
    return entry.made
  }

  const release = (kernels: readonly Kernel[]): void => {
    for (const key of kernels.map(kernelKey)) {
      const entry = known.get(key)
      if (entry === undefined || --entry.users > 0) continue
      known.delete(key)
      entry.made.then(
        (compiled) => compiled.release(),
        () => {},
      )
    }
  }

  const compileAll = async (kernels: readonly Kernel[], onProgress?: CompileProgress): Promise<CompiledKernels> => {
    let count = 0
    onProgress?.(count, kernels.length)
    const compileNext = async (kernel: Kernel): Promise<readonly [number, CompiledKernel]> => {
      const compiled = await compileOne(kernel)
      onProgress?.(++count, kernels.length)
      return [kernel.id, { ...compiled, kernel }]
    }
    try {
      return new Map(await settleAll(kernels.map(compileNext)))
    } catch (error) {
      release(kernels)
      throw error
    }
  }

  return { compile: compileAll, release }
}
