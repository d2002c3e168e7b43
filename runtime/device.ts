/** A device that is open: what it can do, and what went wrong with it. The same in Node and in a browser. */

import type { Target } from '../plan/target.ts'
import { DeviceError, DeviceLostError, OutOfMemoryError, type RuntimeError } from './errors.ts'

export interface Device {
  readonly gpu: GPUDevice
  readonly target: Target
  /** Which adapter it is and why it was chosen, in words. */
  readonly choice: AdapterChoice
  /** Waits for the device as the platform does it best; rejects with a DeviceLostError when the device goes meanwhile. */
  readonly wait: <T>(promise: Promise<T>) => Promise<T>
  /** Bytes that may still be taken, where the platform can tell; a software adapter itself promises more than there is. */
  readonly room: () => number | null
  /** Why the device is gone; null while it is there. */
  readonly lost: () => DeviceLostError | null
  /** The first error that nobody waited for, told once; null where there is none. */
  readonly takeError: () => RuntimeError | null
  /** Destroys the device; may be called again. */
  readonly dispose: () => void
}

export interface AdapterChoice {
  readonly name: string
  readonly driver: string
  readonly reason: string
}

export interface DeviceOptions {
  readonly choice?: AdapterChoice
  /** How to wait for a promise of the device; the promise itself where the platform polls well. */
  readonly wait?: <T>(promise: Promise<T>) => Promise<T>
  readonly room?: () => number | null
}

const FEATURES = ['subgroups', 'timestamp-query', 'shader-f16'] as const

const LIMITS = [
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxBindingsPerBindGroup',
] as const satisfies readonly (keyof GPUSupportedLimits)[]

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|basic render|\bcpu\b/i

/** Whether an adapter computes on the CPU, whatever it says of itself. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  const words = [info.vendor, info.architecture, info.device, info.description].join(' ')
  return info.isFallbackAdapter === true || info.architecture === 'software' || SOFTWARE.test(words)
}

/** The properties of an adapter that the compiler needs. */
export function describeTarget(adapter: GPUAdapter, name?: string): Target {
  const { info, limits } = adapter
  const lanes = adapter.features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize ? info.subgroupMinSize : 0
  return {
    name: name ?? (info.description || info.device || info.architecture || info.vendor || 'unnamed adapter'),
    kind: isSoftware(info) ? 'cpu' : 'gpu',
    subgroupSize: lanes > 0 ? lanes : null,
    features: FEATURES.filter((feature) => adapter.features.has(feature)),
    maxInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorageBytes: limits.maxComputeWorkgroupStorageSize,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
    maxBindingBytes: limits.maxStorageBufferBindingSize,
    maxBufferBytes: limits.maxBufferSize,
    maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
  }
}

/** Opens an adapter with all of its limits and those features that kernels use. Throws a DeviceError where it refuses. */
export async function openDevice(adapter: GPUAdapter, options: DeviceOptions = {}): Promise<Device> {
  const target = describeTarget(adapter, options.choice?.name)
  const choice = options.choice ?? { name: target.name, driver: adapter.info.description, reason: 'given' }
  const requiredLimits = Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]]))
  const requiredFeatures = target.features as GPUFeatureName[]
  const gpu = await adapter.requestDevice({ requiredFeatures, requiredLimits }).catch((error: unknown) => {
    throw new DeviceError(`opening ${target.name}`, messageOf(error))
  })
  return watch(gpu, target, choice, options)
}

function watch(gpu: GPUDevice, target: Target, choice: AdapterChoice, options: DeviceOptions): Device {
  const { wait = (promise) => promise, room = () => null } = options
  const { untilLost, lost } = watchLoss(gpu)
  let stray: RuntimeError | null = null
  gpu.onuncapturederror = (event) => {
    event.preventDefault()
    stray ??= describeGpuError(target.name, event.error)
  }
  return {
    gpu,
    target,
    choice,
    wait: (promise) => wait(untilLost(promise)),
    room,
    lost,
    takeError: () => {
      const error = stray
      stray = null
      return error
    },
    dispose: () => gpu.destroy(),
  }
}

interface Loss {
  readonly lost: () => DeviceLostError | null
  /** The promise; rejects with a DeviceLostError if the device is lost first. */
  readonly untilLost: <T>(promise: Promise<T>) => Promise<T>
}

/**
 * Pending waits are kept in a set. A `Promise.race` against a single loss promise would keep a reaction of every wait for as long as
 * the device exists.
 */
function watchLoss(gpu: GPUDevice): Loss {
  const waits = new Set<(error: DeviceLostError) => void>()
  let lost: DeviceLostError | null = null
  void gpu.lost.then(({ reason, message }) => {
    lost = new DeviceLostError(reason, message)
    for (const end of waits) end(lost)
    waits.clear()
  })
  const untilLost = <T>(promise: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      // the first settlement wins
      if (lost !== null) reject(lost)
      else waits.add(reject)
      Promise.resolve(promise).then(
        (value) => {
          waits.delete(reject)
          resolve(value)
        },
        (error: unknown) => {
          // a promise may fail just before the device reports that it is lost: the loss is the cause
          setTimeout(() => {
            waits.delete(reject)
            reject(lost ?? error)
          }, 0)
        },
      )
    })
  return { lost: () => lost, untilLost }
}

/** The typed form of an error that the device reports itself. */
export function describeGpuError(what: string, error: GPUError, bytes = 0): RuntimeError {
  const outOfMemory = typeof GPUOutOfMemoryError !== 'undefined' && error instanceof GPUOutOfMemoryError
  return outOfMemory || error.constructor.name === 'GPUOutOfMemoryError'
    ? new OutOfMemoryError(what, bytes, error.message)
    : new DeviceError(what, error.message)
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
