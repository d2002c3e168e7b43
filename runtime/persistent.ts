import { BYTES, type Plan } from '../plan/plan.ts'
import { checkRoom, createParts, settle, type Part, type Parts } from './buffers.ts'
import type { Device } from './device.ts'
import { bufferBytes } from './memory.ts'
import { arrayOf, type HostArray } from './tensors.ts'

/** What lives as long as a session: constants and what is held, which go with it, and the weights, which are the store's. */
export interface Persistent {
  readonly parts: Parts
  readonly destroy: () => void
}

/** Puts data into the parts of a buffer, in order. */
export function writeParts(device: Device, parts: readonly Part[], data: HostArray): void {
  let start = 0
  for (const { buffer, offset, elements } of parts) {
    if (elements > 0)
      device.gpu.queue.writeBuffer(buffer, offset, data as HostArray & ArrayBufferView<ArrayBuffer>, start, elements)
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

/** Takes the memory of constants and of what is held, and writes the constants. Throws an OutOfMemoryError or a LimitError, leaving nothing behind. */
export async function createPersistent(device: Device, plan: Plan, weights: Parts): Promise<Persistent> {
  const owned: GPUBuffer[] = []
  const destroy = (): void => owned.splice(0).forEach((buffer) => buffer.destroy())
  try {
    const lasting = plan.buffers.filter(({ role }) => role === 'constant' || role === 'held')
    checkRoom(
      device,
      `the constants of ${plan.model}`,
      lasting.reduce((sum, buffer) => sum + bufferBytes(buffer, {}), 0),
    )
    const made = await settle(lasting.map(async (buffer) => [buffer.id, await createParts(device, buffer, {}, owned)] as const))
    const parts = new Map([...weights, ...made])
    writeConstants(device, plan, parts)
    return { parts, destroy }
  } catch (error) {
    destroy()
    throw error
  }
}
