/** Values of buffers back on the host: copied into memory that the host reads, as much at a time as one buffer holds. */
import type { StorageType } from '../plan/plan.ts'
import { createStaging, type Part } from './buffers.ts'
import type { Device } from './device.ts'
import { BYTES_PER_ELEMENT, roundUp } from './memory.ts'
import { scoped } from './scopes.ts'
import { arrayOf, elementCount, type HostArray, type HostData } from './tensors.ts'

export interface Readable {
  readonly name: string
  readonly dtype: StorageType
  readonly shape: readonly number[]
  readonly parts: readonly Part[]
}

/** A part on its way to a place in the values of its tensor. */
interface Piece {
  readonly part: Part
  readonly data: HostArray
  readonly at: number
}

const MOST_BYTES = 256 * 2 ** 20

function* batches(pieces: readonly Piece[], limit: number): Generator<readonly Piece[]> {
  let [batch, bytes]: [Piece[], number] = [[], 0]
  for (const piece of pieces) {
    const size = piece.part.elements * BYTES_PER_ELEMENT
    if (batch.length > 0 && bytes + size > limit) {
      yield batch
      ;[batch, bytes] = [[], 0]
    }
    batch.push(piece)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

async function readBatch(device: Device, batch: readonly Piece[]): Promise<void> {
  const bytes = batch.reduce((sum, { part }) => sum + part.elements * BYTES_PER_ELEMENT, 0)
  const staging = await createStaging(device, 'weights read back', roundUp(bytes))
  try {
    await scoped(device, 'reading weights', () => {
      const encoder = device.gpu.createCommandEncoder({ label: 'reading weights' })
      let end = 0
      for (const { part } of batch) {
        encoder.copyBufferToBuffer(part.buffer, part.offset, staging, end, part.elements * BYTES_PER_ELEMENT)
        end += part.elements * BYTES_PER_ELEMENT
      }
      device.gpu.queue.submit([encoder.finish()])
    })
    await device.wait(staging.mapAsync(GPUMapMode.READ))
    const mapped = new Uint8Array(staging.getMappedRange())
    let end = 0
    for (const { part, data, at } of batch) {
      const size = part.elements * BYTES_PER_ELEMENT
      new Uint8Array(data.buffer, at * BYTES_PER_ELEMENT, size).set(mapped.subarray(end, end + size))
      end += size
    }
    staging.unmap()
  } finally {
    staging.destroy()
  }
}

/** All of them by name. */
export async function readBack(device: Device, tensors: readonly Readable[]): Promise<Readonly<Record<string, HostData>>> {
  const pieces: Piece[] = []
  const values = tensors.map(({ name, dtype, shape, parts }): [string, HostData] => {
    const data = arrayOf(dtype, new ArrayBuffer(elementCount(shape) * BYTES_PER_ELEMENT))
    let at = 0
    for (const part of parts) {
      if (part.elements > 0) pieces.push({ part, data, at })
      at += part.elements
    }
    return [name, { shape, data }]
  })
  for (const batch of batches(pieces, Math.min(MOST_BYTES, device.gpu.limits.maxBufferSize))) await readBatch(device, batch)
  return Object.fromEntries(values)
}
