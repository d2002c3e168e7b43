import type { Plan } from '../plan/plan.ts'
import { checkRoom, createParts, settle, type Part } from './buffers.ts'
import type { Device } from './device.ts'
import { persistentBytes } from './memory.ts'
import { arrayOf, type HostArray } from './tensors.ts'

/** What lives as long as a session: weights, constants, and what is held. */
export interface Persistent {
  readonly parts: ReadonlyMap<number, readonly Part[]>
  readonly destroy: () => void
}

/** Puts data into the parts of a buffer, in order. */
export function writeParts(device: Device, parts: readonly Part[], data: HostArray): void {
  let start = 0
  for (const { buffer, offset, elements } of parts) {
    if (elements > 0) device.gpu.queue.writeBuffer(buffer, offset, data as HostArray & ArrayBufferView<ArrayBuffer>, start, elements)
    start += elements
  }
}

function writeConstants(device: Device, plan: Plan, parts: Persistent['parts']): void {
  for (const { buffer, dtype, values } of plan.constants) {
    const data = arrayOf(dtype, new ArrayBuffer(4 * values.length))
    data.set(values)
    writeParts(device, parts.get(buffer)!, data)
  }
}

/** Takes the memory and writes the constants. Throws an OutOfMemoryError or a LimitError, leaving nothing behind. */
export async function createPersistent(device: Device, plan: Plan): Promise<Persistent> {
  const owned: GPUBuffer[] = []
  const destroy = (): void => owned.splice(0).forEach((buffer) => buffer.destroy())
  checkRoom(device, `the weights of ${plan.model}`, persistentBytes(plan))
  try {
    const lasting = plan.buffers.filter(({ role }) => role === 'weight' || role === 'constant' || role === 'held')
    const parts = new Map(await settle(lasting.map(async (buffer) => [buffer.id, await createParts(device, buffer, {}, owned)] as const)))
    writeConstants(device, plan, parts)
    return { parts, destroy }
  } catch (error) {
    destroy()
    throw error
  }
}
