/** Runs one kernel template on a software adapter, in the smallest module that holds it: data in, numbers out. */
import { evaluate, type DimValues } from '../../../plan/dim.ts'
import { emitModule } from '../../../compiler/wgsl/module.ts'
import type { TemplateCode } from '../../../compiler/wgsl/template-code.ts'
import type { ScalarEmitter } from '../../../compiler/wgsl/scalar-emitter.ts'
import { createScalarEmitter } from '../../../compiler/wgsl/emit-scalar.ts'
import type { Device } from '../../../runtime/device.ts'
import type { WebGpuDevice } from '../../../runtime/webgpu/device.ts'

export interface Bound {
  readonly name: string
  readonly data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>
  readonly written?: boolean
}

export interface Prepared {
  readonly submit: () => void
  readonly wait: () => Promise<unknown>
  readonly read: (name: string) => Promise<Float32Array>
  readonly compileMs: number
  readonly dispose: () => void
}

/** Every software adapter of this machine, the fastest first. */
export const emitterFor = (values: DimValues): ScalarEmitter =>
  createScalarEmitter({ dims: Object.keys(values), threads: 1, oneSubgroup: false })

export const moduleText = (template: TemplateCode, bounds: readonly Bound[], values: DimValues): string =>
  emitModule({
    title: 'a template alone',
    body: template.body,
    buffers: bounds.map(({ name, data, written }) => ({
      name,
      access: written ? 'read_write' : 'read',
      type: data instanceof Float32Array ? 'f32' : 'i32',
      storage: data instanceof Float32Array ? 'f32' : 'i32',
      vec4: template.vec4Buffers.includes(name),
      parts: 1,
      partElements: null,
    })),
    dims: Object.keys(values),
    needsSubgroups: template.needsSubgroups,
    declarations: [],
  }).wgsl

function layoutFor(gpu: GPUDevice, bounds: readonly Bound[]): GPUBindGroupLayout {
  const types: GPUBufferBindingType[] = ['uniform', ...bounds.map((bound) => (bound.written ? 'storage' : 'read-only-storage'))]
  return gpu.createBindGroupLayout({
    entries: types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
  })
}

type Data = Bound['data'] | Uint32Array<ArrayBuffer>

const roundUp = (n: number, unit: number): number => Math.max(unit, Math.ceil(n / unit) * unit)

function createBuffer(gpu: GPUDevice, data: Data, usage: GPUBufferUsageFlags): GPUBuffer {
  const buffer = gpu.createBuffer({ size: roundUp(data.byteLength, 16), usage: usage | GPUBufferUsage.COPY_DST })
  gpu.queue.writeBuffer(buffer, 0, data)
  return buffer
}

async function compile(
  { gpu, wait }: WebGpuDevice,
  code: string,
  bindGroupLayout: GPUBindGroupLayout,
): Promise<GPUComputePipeline> {
  const module = gpu.createShaderModule({ code })
  const { messages } = await wait(module.getCompilationInfo())
  const faults = messages.filter(({ type }) => type === 'error')
  if (faults.length > 0) throw new Error(faults.map((m) => `${m.message}\n  ${code.split('\n')[m.lineNum - 1]}`).join('\n'))
  const layout = gpu.createPipelineLayout({ bindGroupLayouts: [bindGroupLayout] })
  return wait(gpu.createComputePipelineAsync({ layout, compute: { module, entryPoint: 'main' } }))
}

/** `values` are the dims, in the order of the uniform. Throws with the messages of the WGSL compiler. */
export async function prepare(
  device: Device,
  template: TemplateCode,
  bounds: readonly Bound[],
  values: DimValues,
): Promise<Prepared> {
  const { gpu, wait } = device as WebGpuDevice
  gpu.pushErrorScope('validation')
  const start = performance.now()
  const bindGroupLayout = layoutFor(gpu, bounds)
  const pipeline = await compile(device as WebGpuDevice, moduleText(template, bounds, values), bindGroupLayout).finally(() =>
    gpu.popErrorScope(),
  )
  const compileMs = performance.now() - start
  const numbers = Object.values(values)
  const dims = Uint32Array.from({ length: roundUp(numbers.length, 4) }, (_, i) => numbers[i] ?? 0)
  const uniform = createBuffer(gpu, dims, GPUBufferUsage.UNIFORM)
  const buffers = bounds.map(({ data }) => createBuffer(gpu, data, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC))
  const entries = [uniform, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } }))
  const bindGroup = gpu.createBindGroup({ layout: bindGroupLayout, entries })
  const count = evaluate(template.workgroups, values)
  // folded once in a while, so that the second dimension is seen to work
  const width = Math.min(count, 1000)
  return {
    compileMs,
    submit: () => {
      const encoder = gpu.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, bindGroup)
      if (count > 0) pass.dispatchWorkgroups(width, Math.ceil(count / width))
      pass.end()
      gpu.queue.submit([encoder.finish()])
    },
    wait: () => wait(gpu.queue.onSubmittedWorkDone()),
    read: async (name) => {
      const at = bounds.findIndex((bound) => bound.name === name)
      const { size } = buffers[at]
      const staging = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
      const encoder = gpu.createCommandEncoder()
      encoder.copyBufferToBuffer(buffers[at], 0, staging, 0, size)
      gpu.queue.submit([encoder.finish()])
      await wait(staging.mapAsync(GPUMapMode.READ))
      const copy = new Float32Array(staging.getMappedRange().slice(0))
      staging.destroy()
      return copy.subarray(0, bounds[at].data.length)
    },
    dispose: () => [uniform, ...buffers].forEach((buffer) => buffer.destroy()),
  }
}
