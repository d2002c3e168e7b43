/** Buffers of a WebGPU device: storage, and staging buffers that the host maps. */
import type { DeviceBuffer } from '../device.ts'
import { LimitError } from '../errors.ts'
import type { GpuContext } from './context.ts'
import { withErrorScopes } from './scopes.ts'

/** The buffers of this room's devices are those of WebGPU. */
export const gpuBuffer = (buffer: DeviceBuffer): GPUBuffer => buffer as GPUBuffer

/** Throws a LimitError for a buffer above `maxBufferSize`. */
function checkBufferSize({ gpu }: GpuContext, what: string, bytes: number): void {
  const { maxBufferSize } = gpu.limits
  if (bytes > maxBufferSize) throw new LimitError(what, 'maxBufferSize', bytes, maxBufferSize)
}

async function createBuffer(context: GpuContext, label: string, size: number, usage: number): Promise<GPUBuffer> {
  checkBufferSize(context, label, size)
  let buffer: GPUBuffer | null = null
  try {
    return await withErrorScopes(context, label, () => (buffer = context.gpu.createBuffer({ label, size, usage })), size)
  } catch (error) {
    ;(buffer as GPUBuffer | null)?.destroy()
    throw error
  }
}

/** Creates a storage buffer that can be copied from and to. Throws a LimitError or an OutOfMemoryError with its label. */
export async function createStorage(context: GpuContext, label: string, bytes: number): Promise<GPUBuffer> {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage
  return createBuffer(context, label, bytes, STORAGE | COPY_SRC | COPY_DST)
}

/** Creates a staging buffer, which the host can map for reading. */
export async function createStaging(context: GpuContext, label: string, bytes: number): Promise<GPUBuffer> {
  return createBuffer(context, label, bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
}

/**
 * Maps a staging buffer, applies `read` to its bytes and unmaps it, also after an error: a mapped buffer cannot be used again.
 */
export async function readMapped<T>(context: GpuContext, staging: GPUBuffer, read: (mapped: ArrayBuffer) => T): Promise<T> {
  await context.wait(staging.mapAsync(GPUMapMode.READ))
  try {
    return read(staging.getMappedRange())
  } finally {
    staging.unmap()
  }
}
