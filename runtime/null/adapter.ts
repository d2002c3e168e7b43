/** A mock adapter for tests: it computes nothing and logs every call. */

type Entry = readonly [call: string, details: Readonly<Record<string, unknown>>]

export interface NullAdapter {
  readonly adapter: GPUAdapter
  /** Every call, in order. */
  readonly log: readonly Entry[]
  /** Simulates the loss of the device. */
  readonly lose: (message: string) => void
  /** Makes the next error scope of this kind report an error. */
  readonly failNext: (filter: GPUErrorFilter, message: string) => void
  /** Bytes of all live buffers. */
  readonly bytesHeld: () => number
}

export interface NullOptions {
  readonly limits?: Partial<Record<keyof GPUSupportedLimits, number>>
  readonly features?: readonly string[]
  readonly info?: Partial<GPUAdapterInfo>
}

const LIMITS = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeWorkgroupsPerDimension: 65535,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  maxBindingsPerBindGroup: 1000,
}

interface State {
  readonly log: Entry[]
  readonly buffers: Set<NullBuffer>
  readonly failures: Partial<Record<GPUErrorFilter, string>>
  readonly scopes: GPUErrorFilter[]
  lose: (info: GPUDeviceLostInfo) => void
}

/** Globals of WebGPU. */
const CONSTANTS = {
  GPUBufferUsage: { MAP_READ: 1, MAP_WRITE: 2, COPY_SRC: 4, COPY_DST: 8, UNIFORM: 64, STORAGE: 128, QUERY_RESOLVE: 512 },
  GPUShaderStage: { VERTEX: 1, FRAGMENT: 2, COMPUTE: 4 },
  GPUMapMode: { READ: 1, WRITE: 2 },
}

interface NullBuffer {
  readonly label: string
  readonly size: number
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly mapAsync: () => Promise<void>
  readonly getMappedRange: () => ArrayBuffer
  readonly unmap: () => void
  readonly destroy: () => void
}

function createBuffer(state: State, { label = '', size }: GPUBufferDescriptor): NullBuffer {
  state.log.push(['createBuffer', { label, size }])
  const buffer: NullBuffer = {
    label,
    size,
    bytes: new Uint8Array(size),
    mapAsync: async () => {},
    getMappedRange: () => buffer.bytes.buffer,
    unmap: () => {},
    destroy: () => void (state.buffers.delete(buffer) && state.log.push(['destroy', { label }])),
  }
  state.buffers.add(buffer)
  return buffer
}

function createPass(state: State): Partial<GPUComputePassEncoder> {
  return {
    setPipeline: (pipeline: GPUComputePipeline) => void state.log.push(['setPipeline', { label: pipeline.label }]),
    setBindGroup: (() => {}) as GPUComputePassEncoder['setBindGroup'],
    dispatchWorkgroups: (x: number, y = 1, z = 1) => void state.log.push(['dispatch', { x, y, z }]),
    end: () => void state.log.push(['endPass', {}]),
  } as Partial<GPUComputePassEncoder>
}

/** Copies take effect as they are encoded. */
function createEncoder(state: State): unknown {
  return {
    beginComputePass: ({ label = '' }: GPUComputePassDescriptor = {}) => {
      state.log.push(['beginPass', { label }])
      return createPass(state)
    },
    copyBufferToBuffer: (from: NullBuffer, at: number, to: NullBuffer, offset: number, size: number) => {
      state.log.push(['copy', { from: from.label, to: to.label, size }])
      to.bytes.set(from.bytes.subarray(at, at + size), offset)
    },
    resolveQuerySet: () => void state.log.push(['resolve', {}]),
    finish: () => ({}),
  }
}

function createQueue(state: State): unknown {
  return {
    writeBuffer: (buffer: NullBuffer, offset: number, data: Float32Array, start = 0, count = data.length - start) => {
      state.log.push(['write', { label: buffer.label, offset, count }])
      const size = data.BYTES_PER_ELEMENT
      buffer.bytes.set(new Uint8Array(data.buffer, data.byteOffset + start * size, count * size), offset)
    },
    submit: (list: readonly unknown[]) => void state.log.push(['submit', { count: list.length }]),
    onSubmittedWorkDone: async () => {},
  }
}

function popScope(state: State): GPUError | null {
  const filter = state.scopes.pop()!
  const message = state.failures[filter]
  if (message === undefined) return null
  delete state.failures[filter]
  return new (filter === 'out-of-memory' ? GPUOutOfMemoryError : GPUValidationError)(message)
}

class GPUValidationError extends Error {}
class GPUOutOfMemoryError extends Error {}

function createDevice(state: State, limits: object, features: ReadonlySet<string>): unknown {
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
    state.lose = resolve
  })
  return {
    limits,
    features,
    lost,
    queue: createQueue(state),
    pushErrorScope: (filter: GPUErrorFilter) => void state.scopes.push(filter),
    popErrorScope: async () => popScope(state),
    createBuffer: (descriptor: GPUBufferDescriptor) => createBuffer(state, descriptor),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createBindGroup: () => ({}),
    createShaderModule: () => ({ getCompilationInfo: async () => ({ messages: [] }) }),
    createComputePipelineAsync: async ({ label = '' }: GPUComputePipelineDescriptor) => {
      state.log.push(['createPipeline', { label }])
      return { label }
    },
    createQuerySet: ({ count }: GPUQuerySetDescriptor) => {
      state.log.push(['createQuerySet', { count }])
      return { destroy: () => {} }
    },
    createCommandEncoder: () => createEncoder(state),
    destroy: () => state.lose({ reason: 'destroyed', message: '' } as GPUDeviceLostInfo),
  }
}

/** Buffers hold bytes and copies move them; kernels do nothing, so their outputs are zeros. */
export function createNullAdapter(options: NullOptions = {}): NullAdapter {
  for (const [name, values] of Object.entries(CONSTANTS)) (globalThis as Record<string, unknown>)[name] ??= values
  const limits = { ...LIMITS, ...options.limits }
  const features = new Set(options.features ?? [])
  const state: State = { log: [], buffers: new Set(), failures: {}, scopes: [], lose: () => {} }
  const info = {
    vendor: 'null',
    architecture: '',
    device: 'null',
    description: 'null adapter',
    isFallbackAdapter: false,
    ...options.info,
  }
  const adapter = { info, limits, features, requestDevice: async () => createDevice(state, limits, features) }
  return {
    adapter: adapter as unknown as GPUAdapter,
    log: state.log,
    lose: (message) => state.lose({ reason: 'unknown', message } as GPUDeviceLostInfo),
    failNext: (filter, message) => void (state.failures[filter] = message),
    bytesHeld: () => [...state.buffers].reduce((sum, { size }) => sum + size, 0),
  }
}
