/** Compiles kernels to compute pipelines, each distinct kernel of a device once. */
import type { Access, Kernel, PlaceInSource } from '../plan/plan.ts'
import { settleAll } from './buffers.ts'
import { messageOf, type Device } from './device.ts'
import { KernelError, type RuntimeError } from './errors.ts'
import { withErrorScopes } from './scopes.ts'

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

export type CompiledKernels = ReadonlyMap<number, CompiledKernel>

const BUFFER_TYPES: { readonly [A in Access]: GPUBufferBindingType } = { read: 'read-only-storage', read_write: 'storage' }

/** Adds a bind group layout for each distinct list of buffer accesses. */
function addLayouts(device: Device, kernels: readonly Kernel[], layouts: Map<string, GPUBindGroupLayout>): void {
  for (const kernel of kernels) {
    const key = layoutKey(kernel)
    if (layouts.has(key)) continue
    const storage = kernel.bindings.map(({ access }, at) => ({
      binding: at + 1,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: BUFFER_TYPES[access] },
    }))
    const dims = { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' as const } }
    layouts.set(key, device.gpu.createBindGroupLayout({ entries: [dims, ...storage] }))
  }
}

const layoutKey = (kernel: Kernel): string => kernel.bindings.map(({ access }) => access).join()

/** The place in the spec that a line of WGSL was compiled from. */
export function placeOfLine(kernel: Kernel, line: number): PlaceInSource | null {
  const before = kernel.places.filter(({ wgslLine }) => wgslLine <= line)
  const nearest = before.reduce<(typeof before)[number] | null>((a, b) => (a !== null && a.wgslLine > b.wgslLine ? a : b), null)
  return nearest?.place ?? kernel.places[0]?.place ?? null
}

/** Adds the place in the spec, found by the line of the compilation error; without a line it is the first place of the kernel. */
async function kernelError(kernel: Kernel, module: GPUShaderModule | null, error: unknown): Promise<RuntimeError> {
  const info = await module?.getCompilationInfo().catch(() => null)
  const first = info?.messages.find(({ type }) => type === 'error')
  if (first === undefined) return new KernelError(kernel.name, null, kernel.places[0]?.place ?? null, messageOf(error))
  const line = first.lineNum > 0 ? first.lineNum : null
  const place = line === null ? (kernel.places[0]?.place ?? null) : placeOfLine(kernel, line)
  const text = line === null ? '' : `\n  ${kernel.wgsl.split('\n')[line - 1]?.trim() ?? ''}`
  return new KernelError(kernel.name, line, place, `${first.message.trim()}${text}`)
}

async function compileKernel(device: Device, kernel: Kernel, layout: GPUBindGroupLayout): Promise<CompiledKernel> {
  const { gpu } = device
  let module: GPUShaderModule | null = null
  try {
    await withErrorScopes(device, kernel.name, () => {
      module = gpu.createShaderModule({ label: kernel.name, code: kernel.wgsl })
    })
    const compute = { module: module!, entryPoint: kernel.entryPoint }
    const made = await withErrorScopes(device, kernel.name, () => {
      const pipelineLayout = gpu.createPipelineLayout({ label: kernel.name, bindGroupLayouts: [layout] })
      const pipeline = gpu.createComputePipelineAsync({ label: kernel.name, layout: pipelineLayout, compute })
      // its rejection is handled below, after the error scope
      pipeline.catch(() => {})
      return { pipeline }
    })
    return { pipeline: await device.wait(made.pipeline), layout }
  } catch (error) {
    throw device.lost() ?? (await kernelError(kernel, module, error))
  }
}

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

const kernelKey = (kernel: Kernel): string => JSON.stringify([kernel.wgsl, kernel.entryPoint, layoutKey(kernel)])

/** A compiler with a cache by kernel text, so that plans which share kernels compile only the others. */
export function createKernelCompiler(device: Device): KernelCompiler {
  const layouts = new Map<string, GPUBindGroupLayout>()
  const known = new Map<string, CacheEntry>()

  const compileOne = (kernel: Kernel): Promise<CompiledKernel> => {
    const key = kernelKey(kernel)
    const entry = known.get(key) ?? { made: compileKernel(device, kernel, layouts.get(layoutKey(kernel))!), users: 0 }
    known.set(key, entry)
    entry.users++
    return entry.made
  }

  const release = (kernels: readonly Kernel[]): void => {
    for (const key of kernels.map(kernelKey)) {
      const entry = known.get(key)
      if (entry !== undefined && --entry.users === 0) known.delete(key)
    }
  }

  const compileAll = async (kernels: readonly Kernel[], onProgress?: CompileProgress): Promise<CompiledKernels> => {
    let count = 0
    onProgress?.(count, kernels.length)
    const compileNext = async (kernel: Kernel): Promise<readonly [number, CompiledKernel]> => {
      const compiled = await compileOne(kernel)
      onProgress?.(++count, kernels.length)
      return [kernel.id, compiled]
    }
    try {
      return new Map(await settleAll(kernels.map(compileNext)))
    } catch (error) {
      release(kernels)
      throw error
    }
  }

  return {
    compile: async (kernels, onProgress) => {
      await withErrorScopes(device, 'bind group layouts', () => addLayouts(device, kernels, layouts))
      return compileAll(kernels, onProgress)
    },
    release,
  }
}
