/** Allocates device buffers. A plan buffer above the binding limit is split into parts, one device buffer each. */
import type { DimValues } from '../plan/dim.ts'
import { BYTES, elementBytes, type PlanBuffer } from '../plan/plan.ts'
import type { Device, DeviceBuffer, Part } from './device.ts'
import { formatBytes, LimitError, OutOfMemoryError } from './errors.ts'
import { partElements, roundUp, partRegions } from './memory.ts'
import { settleAll } from './settle-all.ts'

/** Id of a plan buffer -> its parts, in order. */
export type Parts = ReadonlyMap<number, readonly Part[]>

/** Throws a LimitError for a binding above `maxStorageBufferBindingSize`. */
export function checkBindingSize(device: Device, what: string, bytes: number): void {
  const { maxStorageBufferBindingSize } = device.limits
  if (bytes > maxStorageBufferBindingSize)
    throw new LimitError(what, 'maxStorageBufferBindingSize', bytes, maxStorageBufferBindingSize)
}

/**
 * Throws an OutOfMemoryError, which ends in what would help. Software adapters overcommit: the operating system kills the process
 * once the buffers are written.
 */
export function checkAvailableMemory(device: Device, what: string, bytes: number, help = ''): void {
  const free = device.availableMemory()
  if (free !== null && bytes > free) throw new OutOfMemoryError(what, bytes, `${formatBytes(free)} are free${help}`)
}

/**
 * Creates one device buffer for each part. Each is added to `owned` at once, so that the caller can destroy it after an error.
 */
export async function createParts(
  device: Device,
  buffer: PlanBuffer,
  values: DimValues,
  owned: DeviceBuffer[],
): Promise<readonly Part[]> {
  const parts = partElements(buffer, values).map(async (elements, at, all): Promise<Part> => {
    const label = all.length === 1 ? buffer.name : `${buffer.name} part ${at}`
    const contents = elementBytes(buffer.dtype, buffer.storage, elements)
    const size = roundUp(contents)
    checkBindingSize(device, label, size)
    const made = await device.createStorage(label, size)
    owned.push(made)
    return { buffer: made, offset: 0, size, elements, contents, bytes: BYTES[buffer.dtype] }
  })
  return settleAll(parts)
}

/** The parts of a scratch buffer inside its scratch slot. */
export function placeParts(device: Device, buffer: PlanBuffer, slot: DeviceBuffer, values: DimValues): readonly Part[] {
  return partRegions(buffer, values).map(({ offset, size, elements }) => {
    checkBindingSize(device, buffer.name, size)
    const bytes = BYTES[buffer.dtype]
    return { buffer: slot, offset, size, elements, contents: elements * bytes, bytes }
  })
}
