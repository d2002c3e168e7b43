/** Opens a WebGPU device, in Node or in a browser. */
import type { Target } from '../../plan/target.ts'
import { messageOf, type AdapterChoice, type Device, type WritableData } from '../device.ts'
import { DeviceError, type RuntimeError } from '../errors.ts'
import { createLoss } from '../loss.ts'
import { createStorage, gpuBuffer } from './buffers.ts'
import { describeGpuError, type GpuContext } from './context.ts'
import { createKernelCompiler } from './pipelines.ts'
import { bindProgram } from './program.ts'
import { readRegions } from './read.ts'
import { withErrorScopes } from './scopes.ts'

export interface DeviceOptions {
  readonly choice?: AdapterChoice
  /** How to await a promise of the device; by default the promise itself. */
  readonly wait?: <T>(promise: Promise<T>) => Promise<T>
  /** Free memory in bytes; null, the default, where the platform cannot tell. */
  readonly availableMemory?: () => number | null
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

/** Whether an adapter computes on the CPU, by its flags or its name. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  const words = [info.vendor, info.architecture, info.device, info.description].join(' ')
  return info.isFallbackAdapter === true || info.architecture === 'software' || SOFTWARE.test(words)
}

/** The compilation target of an adapter. */
export function describeTarget(adapter: GPUAdapter, name?: string): Target {
  const { info, limits } = adapter
  const subgroupSize =
    adapter.features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize ? info.subgroupMinSize : 0
  return {
    runs: 'webgpu',
    name: name ?? (info.description || info.device || info.architecture || info.vendor || 'unnamed adapter'),
    kind: isSoftware(info) ? 'cpu' : 'gpu',
    subgroupSize: subgroupSize > 0 ? subgroupSize : null,
    features: FEATURES.filter((feature) => adapter.features.has(feature)),
    maxInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorageBytes: limits.maxComputeWorkgroupStorageSize,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
    maxBindingBytes: limits.maxStorageBufferBindingSize,
    maxBufferBytes: limits.maxBufferSize,
    maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
  }
}

/** Opens an adapter with its full limits and the features that kernels use. Throws a DeviceError if the adapter refuses. */
export async function openDevice(adapter: GPUAdapter, options: DeviceOptions = {}): Promise<WebGpuDevice> {
  const target = describeTarget(adapter, options.choice?.name)
  const choice = options.choice ?? { name: target.name, driver: adapter.info.description, reason: 'the caller opened it' }
  const requiredLimits = Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]]))
  const requiredFeatures = target.features as GPUFeatureName[]
  const gpu = await adapter.requestDevice({ requiredFeatures, requiredLimits }).catch((error: unknown) => {
    throw new DeviceError(`opening ${target.name}`, messageOf(error))
  })
  return watch(gpu, target, choice, options)
}

/** An open WebGPU device. `gpu` is for this room, and for tests. */
export interface WebGpuDevice extends Device {
  readonly gpu: GPUDevice
}

function watch(gpu: GPUDevice, target: Target, choice: AdapterChoice, options: DeviceOptions): WebGpuDevice {
  const { wait = (promise) => promise, availableMemory = () => null } = options
  const { untilLost, lost, lose } = createLoss()
  void gpu.lost.then(({ reason, message }) => lose(reason, message))
  let uncaptured: RuntimeError | null = null
  gpu.onuncapturederror = (event) => {
    event.preventDefault()
    uncaptured ??= describeGpuError(target.name, event.error)
  }
  const context: GpuContext = { gpu, wait: (promise) => wait(untilLost(promise)), lost }
  return {
    gpu,
    target,
    choice,
    features: gpu.features,
    limits: gpu.limits,
    wait: context.wait,
    availableMemory,
    lost,
    takeError: () => {
      const error = uncaptured
      uncaptured = null
      return error
    },
    guard: (what, act) => withErrorScopes(context, what, act),
    createStorage: (label, bytes) => createStorage(context, label, bytes),
    write: (buffer, offset, data, start, count) =>
      gpu.queue.writeBuffer(gpuBuffer(buffer), offset, data as WritableData & ArrayBufferView<ArrayBuffer>, start, count),
    read: (what, tensors) => readRegions(context, what, tensors),
    settle: async () => {
      await context.wait(gpu.queue.onSubmittedWorkDone())
    },
    compileKernel: createKernelCompiler(context),
    bind: (request) => bindProgram(context, request),
    dispose: () => gpu.destroy(),
  }
}
