/** Allocates device buffers. A plan buffer above the binding limit is split into parts, one device buffer each. */
import type { DimValues } from '../plan/dim.ts'
import { BYTES, type PlanBuffer } from '../plan/plan.ts'
import type { Device } from './device.ts'
import { formatBytes, LimitError, OutOfMemoryError } from './errors.ts'
import { partElements, roundUp, partRegions } from './memory.ts'
import { withErrorScopes } from './scopes.ts'

/** The region of a device buffer that holds one part of a plan buffer. */
export interface Part {
  readonly buffer: GPUBuffer
  readonly offset: number
  /** Size of the binding in bytes: the elements, rounded up to 16 bytes. */
  readonly size: number
  readonly elements: number
  /** Bytes of one element. */
  readonly bytes: 2 | 4
}

/** Id of a plan buffer -> its parts, in order. */
export type Parts = ReadonlyMap<number, readonly Part[]>

const usage = (): number => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

/** Throws a LimitError for a buffer above `maxBufferSize`. */
export function checkBufferSize(device: Device, what: string, bytes: number): void {
  const { maxBufferSize } = device.gpu.limits
  if (bytes > maxBufferSize) throw new LimitError(what, 'maxBufferSize', bytes, maxBufferSize)
}

/** Throws a LimitError for a binding above `maxStorageBufferBindingSize`. */
export function checkBindingSize(device: Device, what: string, bytes: number): void {
  const { maxStorageBufferBindingSize } = device.gpu.limits
  if (bytes > maxStorageBufferBindingSize)
    throw new LimitError(what, 'maxStorageBufferBindingSize', bytes, maxStorageBufferBindingSize)
}

/**
 * Throws an OutOfMemoryError. Software adapters overcommit: the operating system kills the process once the buffers are written.
 */
export function checkAvailableMemory(device: Device, what: string, bytes: number): void {
  const free = device.availableMemory()
  if (free !== null && bytes > free) throw new OutOfMemoryError(what, bytes, `${formatBytes(free)} are free`)
}

/** Creates a storage buffer that can be copied from and to. Throws a LimitError or an OutOfMemoryError with its label. */
export async function createStorage(device: Device, label: string, bytes: number): Promise<GPUBuffer> {
  checkBufferSize(device, label, bytes)
  return createBuffer(device, label, bytes, () => device.gpu.createBuffer({ label, size: bytes, usage: usage() }))
}

async function createBuffer(device: Device, label: string, bytes: number, create: () => GPUBuffer): Promise<GPUBuffer> {
  let buffer: GPUBuffer | null = null
  try {
    return await withErrorScopes(device, label, () => (buffer = create()), bytes)
  } catch (error) {
    ;(buffer as GPUBuffer | null)?.destroy()
    throw error
  }
}

/** Creates a staging buffer, which the host can map for reading. */
export async function createStaging(device: Device, label: string, bytes: number): Promise<GPUBuffer> {
  checkBufferSize(device, label, bytes)
  const use = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST
  return createBuffer(device, label, bytes, () => device.gpu.createBuffer({ label, size: bytes, usage: use }))
}

/**
 * Maps a staging buffer, applies `read` to its bytes and unmaps it, also after an error: a mapped buffer cannot be used again.
 */
export async function readMapped<T>(device: Device, staging: GPUBuffer, read: (mapped: ArrayBuffer) => T): Promise<T> {
  await device.wait(staging.mapAsync(GPUMapMode.READ))
  try {
    return read(staging.getMappedRange())
  } finally {
    staging.unmap()
  }
}

/**
 * Creates one device buffer for each part. Each is added to `owned` at once, so that the caller can destroy it after an error.
 */
export async function createParts(
  device: Device,
  buffer: PlanBuffer,
  values: DimValues,
  owned: GPUBuffer[],
): Promise<readonly Part[]> {
  const parts = partElements(buffer, values).map(async (elements, at, all): Promise<Part> => {
    const label = all.length === 1 ? buffer.name : `${buffer.name} part ${at}`
    const bytes = BYTES[buffer.dtype]
    const size = roundUp(elements * bytes)
    checkBindingSize(device, label, size)
    const made = await createStorage(device, label, size)
    owned.push(made)
    return { buffer: made, offset: 0, size, elements, bytes }
  })
  return settleAll(parts)
}

/** The parts of a scratch buffer inside its scratch slot. */
export function placeParts(device: Device, buffer: PlanBuffer, slot: GPUBuffer, values: DimValues): readonly Part[] {
  return partRegions(buffer, values).map(({ offset, size, elements }) => {
    checkBindingSize(device, buffer.name, size)
    return { buffer: slot, offset, size, elements, bytes: BYTES[buffer.dtype] }
  })
}

/** Like `Promise.all`, but an error is thrown only after every promise has settled. */
export async function settleAll<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(promises)
  for (const result of settled) if (result.status === 'rejected') throw result.reason
  return Promise.all(promises)
}
