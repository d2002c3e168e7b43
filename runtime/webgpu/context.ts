/** What the files of this room share of an open WebGPU device. */
import { DeviceError, OutOfMemoryError, type DeviceLostError, type RuntimeError } from '../errors.ts'

export interface GpuContext {
  readonly gpu: GPUDevice
  readonly wait: <T>(promise: Promise<T>) => Promise<T>
  readonly lost: () => DeviceLostError | null
}

/** A WebGPU error as a RuntimeError. */
export function describeGpuError(what: string, error: GPUError, bytes = 0): RuntimeError {
  const outOfMemory = typeof GPUOutOfMemoryError !== 'undefined' && error instanceof GPUOutOfMemoryError
  return outOfMemory || error.constructor.name === 'GPUOutOfMemoryError'
    ? new OutOfMemoryError(what, bytes, error.message)
    : new DeviceError(what, error.message)
}
