import type { DimValues } from '../plan/dim.ts'
import { BYTES, type PlanBuffer } from '../plan/plan.ts'
import type { Device } from './device.ts'
import { formatBytes, LimitError, OutOfMemoryError } from './errors.ts'
import { partElements, roundUp, stretches } from './memory.ts'
import { scoped } from './scopes.ts'

/** A stretch of a buffer of the device that holds one part of a buffer of the plan. */
export interface Part {
  readonly buffer: GPUBuffer
  readonly offset: number
  /** What is bound: the elements rounded up to 16 bytes. */
  readonly size: number
  readonly elements: number
  /** Of an element. */
  readonly bytes: 2 | 4
}

/** Buffer of the plan -> its parts, in order. */
export type Parts = ReadonlyMap<number, readonly Part[]>

const usage = (): number => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

/** Throws a LimitError before the device is asked for what it cannot give. */
export function checkBufferSize(device: Device, what: string, bytes: number): void {
  const { maxBufferSize } = device.gpu.limits
  if (bytes > maxBufferSize) throw new LimitError(what, 'maxBufferSize', bytes, maxBufferSize)
}

export function checkBindingSize(device: Device, what: string, bytes: number): void {
  const { maxStorageBufferBindingSize } = device.gpu.limits
  if (bytes > maxStorageBufferBindingSize)
    throw new LimitError(what, 'maxStorageBufferBindingSize', bytes, maxStorageBufferBindingSize)
}

/** Software adapters give buffers that no memory stands behind, and the process dies when they are filled. */
export function checkRoom(device: Device, what: string, bytes: number): void {
  const room = device.room()
  if (room !== null && bytes > room) throw new OutOfMemoryError(what, bytes, `${formatBytes(room)} are free`)
}

/** A storage buffer that can be copied from and to. Throws an OutOfMemoryError naming it. */
export async function createStorage(device: Device, label: string, bytes: number): Promise<GPUBuffer> {
  checkBufferSize(device, label, bytes)
  return createOwned(device, label, bytes, () => device.gpu.createBuffer({ label, size: bytes, usage: usage() }))
}

async function createOwned(device: Device, label: string, bytes: number, create: () => GPUBuffer): Promise<GPUBuffer> {
  let buffer: GPUBuffer | null = null
  try {
    return await scoped(device, label, () => (buffer = create()), bytes)
  } catch (error) {
    ;(buffer as GPUBuffer | null)?.destroy()
    throw error
  }
}

/** A buffer that the host reads. */
export async function createStaging(device: Device, label: string, bytes: number): Promise<GPUBuffer> {
  checkBufferSize(device, label, bytes)
  const use = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST
  return createOwned(device, label, bytes, () => device.gpu.createBuffer({ label, size: bytes, usage: use }))
}

/** Applies `read` to the bytes of a staging buffer. The buffer is always unmapped: one that stays mapped cannot be used again. */
export async function readMapped<T>(device: Device, staging: GPUBuffer, read: (mapped: ArrayBuffer) => T): Promise<T> {
  await device.wait(staging.mapAsync(GPUMapMode.READ))
  try {
    return read(staging.getMappedRange())
  } finally {
    staging.unmap()
  }
}

/** One buffer of the device for each part. What is made is added to `owned`, whatever happens after. */
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
  return settle(parts)
}

/** The parts of a scratch buffer inside the slot it is placed in. */
export function placeParts(device: Device, buffer: PlanBuffer, slot: GPUBuffer, values: DimValues): readonly Part[] {
  return stretches(buffer, values).map(({ offset, size, elements }) => {
    checkBindingSize(device, buffer.name, size)
    return { buffer: slot, offset, size, elements, bytes: BYTES[buffer.dtype] }
  })
}

/** All of them, or the first failure once none is under way any more. */
export async function settle<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(promises)
  for (const result of settled) if (result.status === 'rejected') throw result.reason
  return Promise.all(promises)
}
