import { createStaging, readMapped } from './buffers.ts'
import type { Device } from './device.ts'
import { FeatureError } from './errors.ts'
import type { ReadyStep } from './frame.ts'
import { scoped } from './scopes.ts'

/** How long one dispatch took on the device. */
export interface StepTime {
  readonly label: string
  readonly kernel: string
  readonly template: string
  readonly workgroups: number
  readonly nanoseconds: number
}

/** A query set holds 4096 queries at the most: two a step. */
const STEPS_PER_SET = 2048
const BYTES_PER_QUERY = 8

export interface Stopwatch {
  readonly writesOf: (step: number) => GPUComputePassTimestampWrites
  /** Adds the copies of all times to a command buffer, after the last pass. */
  readonly resolve: (encoder: GPUCommandEncoder) => void
  readonly read: () => Promise<readonly number[]>
  readonly destroy: () => void
}

/** Queries for that many steps. Throws a FeatureError where the device has no clock. */
export async function createStopwatch(device: Device, steps: number): Promise<Stopwatch> {
  const { gpu } = device
  if (!gpu.features.has('timestamp-query')) throw new FeatureError(['timestamp-query'], [...gpu.features])
  const counts = Array.from(
    { length: Math.max(1, Math.ceil(steps / STEPS_PER_SET)) },
    (_, set) => 2 * Math.max(1, Math.min(STEPS_PER_SET, steps - set * STEPS_PER_SET)),
  )
  const owned: { readonly destroy: () => void }[] = []
  const destroy = (): void => owned.splice(0).forEach((resource) => resource.destroy())
  try {
    return await makeStopwatch(device, counts, steps, owned, destroy)
  } catch (error) {
    destroy()
    throw error
  }
}

/** Created resources are added to `owned` immediately, so that they are freed after a failure too. */
async function makeStopwatch(
  device: Device,
  counts: readonly number[],
  steps: number,
  owned: { readonly destroy: () => void }[],
  destroy: () => void,
): Promise<Stopwatch> {
  const { gpu } = device
  const keep = <T extends { readonly destroy: () => void }>(resource: T): T => {
    owned.push(resource)
    return resource
  }
  const sets = await scoped(device, 'timestamp queries', () =>
    counts.map((count) => keep(gpu.createQuerySet({ type: 'timestamp', count }))),
  )
  const bytes = BYTES_PER_QUERY * counts.reduce((sum, count) => sum + count, 0)
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC
  // where a set is resolved to begins at a multiple of 256, which 4096 queries keep
  const resolved = await scoped(device, 'timestamps', () => keep(gpu.createBuffer({ size: bytes, usage })), bytes)
  const staging = keep(await createStaging(device, 'timestamps', bytes))
  return {
    writesOf: (step) => {
      const at = 2 * (step % STEPS_PER_SET)
      return { querySet: sets[Math.floor(step / STEPS_PER_SET)], beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 }
    },
    resolve: (encoder) => {
      sets.forEach((set, at) => encoder.resolveQuerySet(set, 0, counts[at], resolved, at * 2 * STEPS_PER_SET * BYTES_PER_QUERY))
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes)
    },
    read: async () => {
      const times = await readMapped(device, staging, (mapped) => new BigInt64Array(mapped.slice(0)))
      // a step of no workgroups writes no times; a clock that steps back counts as none passed
      return Array.from({ length: steps }, (_, step) => Math.max(0, Number(times[2 * step + 1] - times[2 * step])))
    },
    destroy,
  }
}

export const stepTimes = (steps: readonly ReadyStep[], nanoseconds: readonly number[]): readonly StepTime[] =>
  steps.map(({ step, kernel, x, y }, at) => ({
    label: step.label,
    kernel: kernel.name,
    template: kernel.template,
    workgroups: x * y,
    nanoseconds: nanoseconds[at],
  }))
