/** Reads buffers back to the host through a staging buffer, in batches that fit it. */
import { BYTES, type StorageType } from '../plan/plan.ts'
import { createStaging, readMapped, type Part } from './buffers.ts'
import type { Device } from './device.ts'
import { copySize, roundUp } from './memory.ts'
import { withErrorScopes } from './scopes.ts'
import { arrayOf, elementCount, type HostData } from './tensors.ts'

export interface ReadRequest {
  readonly name: string
  readonly dtype: StorageType
  readonly shape: readonly number[]
  readonly parts: readonly Part[]
}

/** A part, and the range of the host tensor that it is read into. */
interface PartReadback {
  readonly part: Part
  readonly data: Uint8Array
  /** Offset in `data`, in bytes. */
  readonly at: number
}

const MAX_BATCH_BYTES = 256 * 2 ** 20

const sizeOf = ({ elements, bytes }: Part): number => copySize(elements, bytes)

function* batches(pieces: readonly PartReadback[], limit: number): Generator<readonly PartReadback[]> {
  let [batch, bytes]: [PartReadback[], number] = [[], 0]
  for (const piece of pieces) {
    const size = sizeOf(piece.part)
    if (batch.length > 0 && bytes + size > limit) {
      yield batch
      ;[batch, bytes] = [[], 0]
    }
    batch.push(piece)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

async function readBatch(device: Device, batch: readonly PartReadback[]): Promise<void> {
  const bytes = batch.reduce((sum, { part }) => sum + sizeOf(part), 0)
  const staging = await createStaging(device, 'weights read back', roundUp(bytes))
  try {
    await withErrorScopes(device, 'reading weights', () => {
      const encoder = device.gpu.createCommandEncoder({ label: 'reading weights' })
      let end = 0
      for (const { part } of batch) {
        encoder.copyBufferToBuffer(part.buffer, part.offset, staging, end, sizeOf(part))
        end += sizeOf(part)
      }
      device.gpu.queue.submit([encoder.finish()])
    })
    await readMapped(device, staging, (mapped) => {
      let end = 0
      for (const { part, data, at } of batch) {
        data.set(new Uint8Array(mapped, end, part.elements * part.bytes), at)
        end += sizeOf(part)
      }
    })
  } finally {
    staging.destroy()
  }
}

/** Reads tensors, by name. f16 becomes f32. */
export async function readBack(device: Device, tensors: readonly ReadRequest[]): Promise<Readonly<Record<string, HostData>>> {
  const pieces: PartReadback[] = []
  const filled = tensors.map(({ dtype, shape, parts }) => {
    const bytes = new ArrayBuffer(elementCount(shape) * BYTES[dtype])
    let at = 0
    for (const part of parts) {
      if (part.elements > 0) pieces.push({ part, data: new Uint8Array(bytes), at })
      at += part.elements * part.bytes
    }
    return bytes
  })
  for (const batch of batches(pieces, Math.min(MAX_BATCH_BYTES, device.gpu.limits.maxBufferSize))) await readBatch(device, batch)
  return Object.fromEntries(
    tensors.map(({ name, dtype, shape }, at): [string, HostData] => [name, { shape, data: arrayOf(dtype, filled[at]) }]),
  )
}
