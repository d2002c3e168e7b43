/** Device buffers that live as long as a session. */
import { BYTES, type Plan } from '../plan/plan.ts'
import { checkAvailableMemory, createParts, type Parts } from './buffers.ts'
import type { Device, DeviceBuffer, Part } from './device.ts'
import { bufferBytes } from './memory.ts'
import { settleAll } from './settle-all.ts'
import { arrayOf, type HostArray } from './tensors.ts'

/** The buffers of weights, constants and load-time constants. The store owns the weights; `destroy` frees the others. */
export interface Persistent {
  readonly parts: Parts
  readonly destroy: () => void
}

/** Writes data to the parts of a buffer, in order. */
export function writeParts(device: Device, parts: readonly Part[], data: HostArray): void {
  let start = 0
  for (const { buffer, offset, elements } of parts) {
    if (elements > 0) device.write(buffer, offset, data, start, elements)
    start += elements
  }
}

/**
 * Writes elements of two bytes to the parts of a buffer, in order; a part begins at a word, and its last word is filled with 0.
 */
export function writeShorts(device: Device, parts: readonly Part[], bytes: Uint8Array): void {
  let start = 0
  for (const { buffer, offset, elements } of parts) {
    const words = new Uint32Array(Math.ceil(elements / 2))
    new Uint8Array(words.buffer).set(bytes.subarray(2 * start, 2 * (start + elements)))
    if (words.length > 0) device.write(buffer, offset, words, 0, words.length)
    start += elements
  }
}

function writeConstants(device: Device, plan: Plan, parts: Persistent['parts']): void {
  for (const { buffer, dtype, values } of plan.constants) {
    const data = arrayOf(dtype, new ArrayBuffer(BYTES[dtype] * values.length))
    data.set(values)
    writeParts(device, parts.get(buffer)!, data)
  }
}

/**
 * Allocates constants and load-time constants, and writes the constants. Throws an OutOfMemoryError or a LimitError, and frees
 * what it allocated.
 */
export async function createPersistent(device: Device, plan: Plan, weights: Parts): Promise<Persistent> {
  const owned: DeviceBuffer[] = []
  const destroy = (): void => owned.splice(0).forEach((buffer) => buffer.destroy())
  try {
    const buffers = plan.buffers.filter(({ role }) => role === 'constant' || role === 'held')
    checkAvailableMemory(
      device,
      `the constants of ${plan.model}`,
      buffers.reduce((sum, buffer) => sum + bufferBytes(buffer, {}), 0),
    )
    const made = await settleAll(
      buffers.map(async (buffer) => [buffer.id, await createParts(device, buffer, {}, owned)] as const),
    )
    const parts = new Map([...weights, ...made])
    writeConstants(device, plan, parts)
    return { parts, destroy }
  } catch (error) {
    destroy()
    throw error
  }
}
