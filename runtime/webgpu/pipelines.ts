/** Compiles kernels to compute pipelines. */
import type { Access, Kernel, PlaceInSource, WgslKernel } from '../../plan/plan.ts'
import { messageOf, type CompiledKernel } from '../device.ts'
import { KernelError, type RuntimeError } from '../errors.ts'
import type { GpuContext } from './context.ts'
import { withErrorScopes } from './scopes.ts'

/** What the kernels of this room's devices are. */
export interface Pipeline extends CompiledKernel {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

const BUFFER_TYPES: { readonly [A in Access]: GPUBufferBindingType } = { read: 'read-only-storage', read_write: 'storage' }

function createLayout({ gpu }: GpuContext, kernel: Kernel): GPUBindGroupLayout {
  const storage = kernel.bindings.map(({ access }, at) => ({
    binding: at + 1,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: BUFFER_TYPES[access] },
  }))
  const dims = { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' as const } }
  return gpu.createBindGroupLayout({ entries: [dims, ...storage] })
}

const layoutKey = (kernel: Kernel): string => kernel.bindings.map(({ access }) => access).join()

/** The place in the spec that a line of WGSL was compiled from. */
export function placeOfLine(kernel: Kernel, line: number): PlaceInSource | null {
  const before = kernel.places.filter(({ wgslLine }) => wgslLine <= line)
  const nearest = before.reduce<(typeof before)[number] | null>((a, b) => (a !== null && a.wgslLine > b.wgslLine ? a : b), null)
  return nearest?.place ?? kernel.places[0]?.place ?? null
}

/** Adds the place in the spec, found by the line of the compilation error; without a line it is the first place of the kernel. */
async function kernelError(kernel: WgslKernel, module: GPUShaderModule | null, error: unknown): Promise<RuntimeError> {
  const info = await module?.getCompilationInfo().catch(() => null)
  const first = info?.messages.find(({ type }) => type === 'error')
  if (first === undefined) return new KernelError(kernel.name, null, kernel.places[0]?.place ?? null, messageOf(error))
  const line = first.lineNum > 0 ? first.lineNum : null
  const place = line === null ? (kernel.places[0]?.place ?? null) : placeOfLine(kernel, line)
  const text = line === null ? '' : `\n  ${kernel.wgsl.split('\n')[line - 1]?.trim() ?? ''}`
  return new KernelError(kernel.name, line, place, `${first.message.trim()}${text}`)
}

async function compilePipeline(device: GpuContext, kernel: WgslKernel, layout: GPUBindGroupLayout): Promise<Pipeline> {
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
    // WebGPU frees pipelines that nothing refers to
    return { kernel, pipeline: await device.wait(made.pipeline), layout, release: () => {} }
  } catch (error) {
    throw device.lost() ?? (await kernelError(kernel, module, error))
  }
}

/** Compiles kernels; those with the same list of buffer accesses have one bind group layout. Throws a KernelError. */
export function createKernelCompiler(context: GpuContext): (kernel: Kernel) => Promise<Pipeline> {
  const layouts = new Map<string, Promise<GPUBindGroupLayout>>()
  return async (kernel) => {
    if (!('wgsl' in kernel)) throw new KernelError(kernel.name, null, null, 'a WebGPU device compiles WGSL')
    const key = layoutKey(kernel)
    const layout = layouts.get(key) ?? withErrorScopes(context, 'bind group layouts', () => createLayout(context, kernel))
    layouts.set(key, layout)
    return compilePipeline(context, kernel, await layout)
  }
}
