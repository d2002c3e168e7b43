/** A lock that serializes work on a device in call order, and converts errors of the device to RuntimeErrors. */
import { messageOf, type Device } from './device.ts'
import { DeviceError, RuntimeError, type StateError } from './errors.ts'
import { createExclusive } from './exclusive.ts'

/** Runs `work` once all earlier work has settled. Rejects if the device has an error, or `disposedError` returns one. */
export type QueueLock = <T>(work: () => Promise<T>, disposedError: () => StateError | null) => Promise<T>

/** Throws if the device is lost or has an uncaptured error. */
export function checkDevice(device: Device): void {
  const error = device.lost() ?? device.takeError()
  if (error !== null) throw error
}

/** Promises of the device reject with DOM exceptions. Other errors are unchanged. */
function asRuntimeError(error: unknown): unknown {
  const ofDevice =
    !(error instanceof RuntimeError) && /^(AbortError|OperationError|GPUPipelineError)$/.test((error as Error | null)?.name ?? '')
  return ofDevice ? new DeviceError('the device', messageOf(error)) : error
}

export function createQueueLock(device: Device): QueueLock {
  const exclusive = createExclusive()
  return (work, disposedError) =>
    exclusive(async () => {
      const reason = disposedError()
      if (reason !== null) throw reason
      checkDevice(device)
      try {
        return await work()
      } catch (error) {
        throw disposedError() ?? asRuntimeError(error)
      }
    })
}
