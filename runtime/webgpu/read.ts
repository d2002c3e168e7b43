/** Reads regions back to the host through a staging buffer, in batches that fit it. */
import type { Region } from '../device.ts'
import { copySize, roundUp } from '../memory.ts'
import { createStaging, gpuBuffer, readMapped } from './buffers.ts'
import type { GpuContext } from './context.ts'
import { withErrorScopes } from './scopes.ts'

/** A region, and the bytes of the host that it is read into. */
interface Readback {
  readonly region: Region
  readonly into: Uint8Array
}

const MAX_BATCH_BYTES = 256 * 2 ** 20

const sizeOf = ({ region }: Readback): number => copySize(region.bytes, 1)

function* batches(pieces: readonly Readback[], limit: number): Generator<readonly Readback[]> {
  let [batch, bytes]: [Readback[], number] = [[], 0]
  for (const piece of pieces) {
    const size = sizeOf(piece)
    if (batch.length > 0 && bytes + size > limit) {
      yield batch
      ;[batch, bytes] = [[], 0]
    }
    batch.push(piece)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

async function readBatch(context: GpuContext, what: string, batch: readonly Readback[]): Promise<void> {
  const staging = await createStaging(context, what, roundUp(batch.reduce((sum, piece) => sum + sizeOf(piece), 0)))
  try {
    await withErrorScopes(context, what, () => {
      const encoder = context.gpu.createCommandEncoder({ label: what })
      let end = 0
      for (const piece of batch) {
        const { buffer, offset } = piece.region
        encoder.copyBufferToBuffer(gpuBuffer(buffer), offset, staging, end, sizeOf(piece))
        end += sizeOf(piece)
      }
      context.gpu.queue.submit([encoder.finish()])
    })
    await readMapped(context, staging, (mapped) => {
      let end = 0
      for (const piece of batch) {
        piece.into.set(new Uint8Array(mapped, end, piece.region.bytes))
        end += sizeOf(piece)
      }
    })
  } finally {
    staging.destroy()
  }
}

/** The bytes of each list of regions. */
export async function readRegions(
  context: GpuContext,
  what: string,
  tensors: readonly (readonly Region[])[],
): Promise<readonly ArrayBuffer[]> {
  const pieces: Readback[] = []
  const filled = tensors.map((regions) => {
    const bytes = new ArrayBuffer(regions.reduce((sum, region) => sum + region.bytes, 0))
    let at = 0
    for (const region of regions) {
      if (region.bytes > 0) pieces.push({ region, into: new Uint8Array(bytes, at, region.bytes) })
      at += region.bytes
    }
    return bytes
  })
  for (const batch of batches(pieces, Math.min(MAX_BATCH_BYTES, context.gpu.limits.maxBufferSize)))
    await readBatch(context, what, batch)
  return filled
}
