/** A program on a WebGPU device: its bind groups, and one command buffer for each execution. */
import type { BoundProgram, Dispatch, Executed, Part, ProgramRequest, Region } from '../device.ts'
import { LimitError } from '../errors.ts'
import { copySize, roundUp } from '../memory.ts'
import { settleAll } from '../settle-all.ts'
import { createStaging, gpuBuffer, readMapped } from './buffers.ts'
import type { GpuContext } from './context.ts'
import type { Pipeline } from './pipelines.ts'
import { withErrorScopes } from './scopes.ts'
import { createTimestampQueries, type TimestampQueries } from './timestamps.ts'

interface BoundDispatch {
  readonly label: string
  readonly pipeline: GPUComputePipeline
  readonly bindings: GPUBindGroup
  /** Workgroups along x and y. */
  readonly x: number
  readonly y: number
}

/** Splits a workgroup count into two dimensions if it exceeds one; kernels flatten the index again and guard the excess. */
export function foldWorkgroups(count: number, max: number, label: string): { readonly x: number; readonly y: number } {
  const x = Math.min(count, max)
  const y = x === 0 ? 0 : Math.ceil(count / x)
  if (y > max) throw new LimitError(`dispatch ${label}`, 'maxComputeWorkgroupsPerDimension squared', count, max * max)
  return { x, y }
}

async function createDimsBuffer({ gpu, ...context }: GpuContext, dims: readonly number[]): Promise<GPUBuffer> {
  const sizes = new Uint32Array(roundUp(dims.length * 4) / 4)
  sizes.set(dims)
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST
  const buffer = await withErrorScopes({ gpu, ...context }, 'dims', () =>
    gpu.createBuffer({ label: 'dims', size: sizes.byteLength, usage }),
  )
  gpu.queue.writeBuffer(buffer, 0, sizes)
  return buffer
}

function bindDispatches({ gpu }: GpuContext, dispatches: readonly Dispatch[], dims: GPUBuffer): readonly BoundDispatch[] {
  const groups = new Map<string, GPUBindGroup>()
  const numbers = new Map<Part, number>()
  const numberOf = (part: Part): number => {
    const known = numbers.get(part) ?? numbers.size
    numbers.set(part, known)
    return known
  }
  const bind = (label: string, layout: GPUBindGroupLayout, parts: readonly Part[]): GPUBindGroup => {
    const storage = parts.map(({ buffer, offset, size }, at) => ({
      binding: at + 1,
      resource: { buffer: gpuBuffer(buffer), offset, size },
    }))
    return gpu.createBindGroup({ label, layout, entries: [{ binding: 0, resource: { buffer: dims } }, ...storage] })
  }
  return dispatches.map(({ label, compiled, bindings, workgroups }) => {
    const { pipeline, layout, kernel } = compiled as Pipeline
    const key = `${kernel.id}:${bindings.map(numberOf).join()}`
    const group = groups.get(key) ?? bind(label, layout, bindings)
    groups.set(key, group)
    return {
      label,
      pipeline,
      bindings: group,
      ...foldWorkgroups(workgroups, gpu.limits.maxComputeWorkgroupsPerDimension, label),
    }
  })
}

function encodeDispatch(pass: GPUComputePassEncoder, { pipeline, bindings, x, y }: BoundDispatch): void {
  if (x === 0) return
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, bindings)
  pass.dispatchWorkgroups(x, y)
}

/** One pass for all dispatches; one pass for each if they are timed. */
function encodeDispatches(
  encoder: GPUCommandEncoder,
  label: string,
  dispatches: readonly BoundDispatch[],
  queries: TimestampQueries | null,
): void {
  if (queries === null) {
    const pass = encoder.beginComputePass({ label })
    for (const dispatch of dispatches) encodeDispatch(pass, dispatch)
    pass.end()
    return
  }
  for (const [at, bound] of dispatches.entries()) {
    const pass = encoder.beginComputePass({ label: bound.label, timestampWrites: queries.writesFor(at) })
    encodeDispatch(pass, bound)
    pass.end()
  }
}

interface StagedOutput {
  readonly regions: readonly Region[]
  readonly bytes: number
  /** Offset in the staging buffer. */
  readonly offset: number
}

/** Outputs one after the other in the staging buffer. */
function stage(outputs: readonly (readonly Region[])[]): { readonly staged: readonly StagedOutput[]; readonly size: number } {
  let end = 0
  const staged = outputs.map((regions) => {
    const bytes = regions.reduce((sum, region) => sum + region.bytes, 0)
    const offset = end
    end += roundUp(bytes)
    return { regions, bytes, offset }
  })
  return { staged, size: roundUp(end) }
}

function encodeReads(encoder: GPUCommandEncoder, outputs: readonly StagedOutput[], staging: GPUBuffer): void {
  for (const { offset, regions } of outputs) {
    let done = 0
    for (const { buffer, offset: from, bytes } of regions) {
      if (bytes > 0) encoder.copyBufferToBuffer(gpuBuffer(buffer), from, staging, offset + done, copySize(bytes, 1))
      done += bytes
    }
  }
}

/** Creates the bind groups and the staging buffer of a program. Throws an OutOfMemoryError or a LimitError. */
export async function bindProgram(context: GpuContext, request: ProgramRequest): Promise<BoundProgram> {
  const { label, dims, outputs, copies } = request
  const { gpu } = context
  const owned: GPUBuffer[] = []
  const destroy = (): void => owned.splice(0).forEach((buffer) => buffer.destroy())
  const create = async () => {
    const uniform = await createDimsBuffer(context, dims)
    owned.push(uniform)
    const { staged, size } = stage(outputs)
    const staging = await createStaging(context, 'outputs', size)
    owned.push(staging)
    const dispatches = await withErrorScopes(context, `the bind groups of program ${label}`, () =>
      bindDispatches(context, request.dispatches, uniform),
    )
    return { staged, staging, dispatches }
  }
  const { staged, staging, dispatches } = await create().catch((error: unknown) => {
    destroy()
    throw error
  })

  const submit = (write: () => void, queries: TimestampQueries | null): Promise<void> =>
    withErrorScopes(context, `running program ${label}`, () => {
      write()
      const encoder = gpu.createCommandEncoder({ label })
      encodeDispatches(encoder, label, dispatches, queries)
      encodeReads(encoder, staged, staging)
      for (const { from, fromOffset, to, toOffset, bytes } of copies)
        encoder.copyBufferToBuffer(gpuBuffer(from), fromOffset, gpuBuffer(to), toOffset, bytes)
      queries?.resolve(encoder)
      gpu.queue.submit([encoder.finish()])
    })
  const readStaged = (): Promise<readonly ArrayBuffer[]> =>
    readMapped(context, staging, (mapped) => staged.map(({ offset, bytes }) => mapped.slice(offset, offset + bytes)))

  const execute = async (write: () => void, queries: TimestampQueries | null): Promise<Executed> => {
    // both run at once; the staging buffer can be used again when both have settled
    const [, read] = await settleAll<unknown>([submit(write, queries), readStaged()])
    return { outputs: read as readonly ArrayBuffer[], nanoseconds: queries === null ? null : await queries.read() }
  }
  return {
    execute: async (write, isTimed) => {
      if (!isTimed) return execute(write, null)
      const queries = await createTimestampQueries(context, dispatches.length)
      try {
        return await execute(write, queries)
      } finally {
        queries.destroy()
      }
    },
    destroy,
  }
}
