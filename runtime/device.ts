/** An open device: all that sessions, stores and training ask of it, whatever computes behind it. */
import type { Kernel, Requirements } from '../plan/plan.ts'
import type { Target } from '../plan/target.ts'
import type { DeviceLostError, RuntimeError } from './errors.ts'

/** Memory of a device. Only the device that made it knows more of it. */
export interface DeviceBuffer {
  /** Frees it once the work under way is done. Work that uses it and has not begun fails. Further calls do nothing. */
  readonly destroy: () => void
}

/** A range of a buffer, in bytes. */
export interface Region {
  readonly buffer: DeviceBuffer
  readonly offset: number
  readonly bytes: number
}

/** The region of a device buffer that holds one part of a plan buffer. */
export interface Part {
  readonly buffer: DeviceBuffer
  readonly offset: number
  /** Size of the binding in bytes: the elements, rounded up to 16 bytes. */
  readonly size: number
  readonly elements: number
  /** Bytes that the elements take. */
  readonly contents: number
  /** Bytes of one element, where elements lie as their dtype. */
  readonly bytes: 2 | 4
}

export interface Copy {
  readonly from: DeviceBuffer
  readonly fromOffset: number
  readonly to: DeviceBuffer
  readonly toOffset: number
  readonly bytes: number
}

/** A kernel that a device has compiled. */
export interface CompiledKernel {
  readonly kernel: Kernel
  /** Frees it once the work under way is done. */
  readonly release: () => void
}

export interface Dispatch {
  readonly label: string
  readonly compiled: CompiledKernel
  /** One for each binding of the kernel. */
  readonly bindings: readonly Part[]
  readonly workgroups: number
}

/** A program with its buffers, to be executed many times. */
export interface ProgramRequest {
  readonly label: string
  /** The values of the plan's dims, in order. */
  readonly dims: readonly number[]
  readonly dispatches: readonly Dispatch[]
  /** The regions of each output that is read back. */
  readonly outputs: readonly (readonly Region[])[]
  /** Made in order after all dispatches and reads. */
  readonly copies: readonly Copy[]
}

export interface Executed {
  /** The bytes of each output. */
  readonly outputs: readonly ArrayBuffer[]
  /** The time of each dispatch, if it was asked for. */
  readonly nanoseconds: readonly number[] | null
}

export interface BoundProgram {
  /**
   * Calls `write`, which writes the inputs, and executes all dispatches. Throws a FeatureError if times are asked for and the
   * device has no clock.
   */
  readonly execute: (write: () => void, isTimed: boolean) => Promise<Executed>
  readonly destroy: () => void
}

/** What a device writes to a buffer from. */
export type WritableData = Float32Array | Int32Array | Uint32Array | Uint16Array

export type DeviceLimits = Readonly<
  Record<Exclude<keyof Requirements, 'features' | 'subgroupSize'> | 'maxBufferSize' | 'maxComputeWorkgroupsPerDimension', number>
>

export interface Device {
  readonly target: Target
  /** The adapter, and the reason why it was chosen. */
  readonly choice: AdapterChoice
  /** All features, also those that smoe does not use; `timestamp-query` stands for a clock of dispatches. */
  readonly features: ReadonlySet<string>
  readonly limits: DeviceLimits
  /**
   * Awaits a promise of the device in the way that suits the platform. Rejects with a DeviceLostError if the device is lost
   * first.
   */
  readonly wait: <T>(promise: Promise<T>) => Promise<T>
  /** Free memory in bytes; null where the platform cannot tell. Software adapters allocate more than the host has. */
  readonly availableMemory: () => number | null
  /** The reason of the loss; null while the device works. */
  readonly lost: () => DeviceLostError | null
  /** Returns and clears the first uncaptured error; null if there is none. */
  readonly takeError: () => RuntimeError | null
  /** Runs what writes to buffers and awaits its errors: an OutOfMemoryError or a DeviceError, with `what`. */
  readonly guard: <T>(what: string, act: () => T) => Promise<T>
  /** Memory that begins as zeros. Throws a LimitError or an OutOfMemoryError with its label. */
  readonly createStorage: (label: string, bytes: number) => Promise<DeviceBuffer>
  /** Writes `count` elements from `start` of the data, in order with all other work. */
  readonly write: (buffer: DeviceBuffer, offset: number, data: WritableData, start: number, count: number) => void
  /** The bytes of each list of regions. */
  readonly read: (what: string, tensors: readonly (readonly Region[])[]) => Promise<readonly ArrayBuffer[]>
  /** Resolves once all writes so far are done. */
  readonly settle: () => Promise<void>
  /** Throws a KernelError with the kernel's place in the spec. */
  readonly compileKernel: (kernel: Kernel) => Promise<CompiledKernel>
  readonly bind: (request: ProgramRequest) => Promise<BoundProgram>
  /** Destroys the device. Further calls do nothing. */
  readonly dispose: () => void
}

export interface AdapterChoice {
  readonly name: string
  readonly driver: string
  readonly reason: string
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
