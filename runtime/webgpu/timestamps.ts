/** Times the dispatches of a run by timestamp queries. */
import { createStaging, readMapped } from './buffers.ts'
import type { GpuContext } from './context.ts'
import { FeatureError } from '../errors.ts'
import { withErrorScopes } from './scopes.ts'

/** A query set has at most 4096 queries, two for each dispatch. */
const DISPATCHES_PER_SET = 2048
const BYTES_PER_QUERY = 8

export interface TimestampQueries {
  readonly writesFor: (dispatch: number) => GPUComputePassTimestampWrites
  /** Encodes the copies of all timestamps to the host, after the last pass. */
  readonly resolve: (encoder: GPUCommandEncoder) => void
  /** Nanoseconds of each dispatch. */
  readonly read: () => Promise<readonly number[]>
  readonly destroy: () => void
}

/** Creates queries for a number of dispatches. Throws a FeatureError if the device has no timestamp queries. */
export async function createTimestampQueries(device: GpuContext, dispatches: number): Promise<TimestampQueries> {
  const { gpu } = device
  if (!gpu.features.has('timestamp-query')) throw new FeatureError(['timestamp-query'], [...gpu.features])
  const counts = Array.from(
    { length: Math.max(1, Math.ceil(dispatches / DISPATCHES_PER_SET)) },
    (_, set) => 2 * Math.max(1, Math.min(DISPATCHES_PER_SET, dispatches - set * DISPATCHES_PER_SET)),
  )
  const owned: { readonly destroy: () => void }[] = []
  const destroy = (): void => owned.splice(0).forEach((resource) => resource.destroy())
  try {
    return await allocateQueries(device, counts, dispatches, owned, destroy)
  } catch (error) {
    destroy()
    throw error
  }
}

/** Created resources are added to `owned` at once, so that they are freed after an error. */
async function allocateQueries(
  device: GpuContext,
  counts: readonly number[],
  dispatches: number,
  owned: { readonly destroy: () => void }[],
  destroy: () => void,
): Promise<TimestampQueries> {
  const { gpu } = device
  const own = <T extends { readonly destroy: () => void }>(resource: T): T => {
    owned.push(resource)
    return resource
  }
  const sets = await withErrorScopes(device, 'timestamp queries', () =>
    counts.map((count) => own(gpu.createQuerySet({ type: 'timestamp', count }))),
  )
  const bytes = BYTES_PER_QUERY * counts.reduce((sum, count) => sum + count, 0)
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC
  // resolve offsets are multiples of 256 bytes, as 4096 queries of 8 bytes are
  const resolved = await withErrorScopes(device, 'timestamps', () => own(gpu.createBuffer({ size: bytes, usage })), bytes)
  const staging = own(await createStaging(device, 'timestamps', bytes))
  return {
    writesFor: (dispatch) => {
      const at = 2 * (dispatch % DISPATCHES_PER_SET)
      return {
        querySet: sets[Math.floor(dispatch / DISPATCHES_PER_SET)],
        beginningOfPassWriteIndex: at,
        endOfPassWriteIndex: at + 1,
      }
    },
    resolve: (encoder) => {
      sets.forEach((set, at) =>
        encoder.resolveQuerySet(set, 0, counts[at], resolved, at * 2 * DISPATCHES_PER_SET * BYTES_PER_QUERY),
      )
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes)
    },
    read: async () => {
      const times = await readMapped(device, staging, (mapped) => new BigInt64Array(mapped.slice(0)))
      // a dispatch of no workgroups writes no timestamps, and a clock may step back: both count as 0
      return Array.from({ length: dispatches }, (_, dispatch) =>
        Math.max(0, Number(times[2 * dispatch + 1] - times[2 * dispatch])),
      )
    },
    destroy,
  }
}
