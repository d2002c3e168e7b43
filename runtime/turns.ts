/** One thing at a time on a device, in the order asked for, each told of what went wrong as a RuntimeError. */
import { messageOf, type Device } from './device.ts'
import { DeviceError, RuntimeError, type StateError } from './errors.ts'

/** `ended` says why the work may not be done any more; null while it may. */
export type Turns = <T>(work: () => Promise<T>, ended: () => StateError | null) => Promise<T>

/** Throws where the device is gone, or has told of an error that nobody waited for. */
export function checkDevice(device: Device): void {
  const error = device.lost() ?? device.takeError()
  if (error !== null) throw error
}

/** Promises of the device reject with DOM exceptions; any other error is one of ours and stays as it is. */
function typed(error: unknown): unknown {
  const ofDevice =
    !(error instanceof RuntimeError) && /^(AbortError|OperationError|GPUPipelineError)$/.test((error as Error | null)?.name ?? '')
  return ofDevice ? new DeviceError('the device', messageOf(error)) : error
}

export function createTurns(device: Device): Turns {
  let last: Promise<unknown> = Promise.resolve()
  return (work, ended) => {
    const turn = last.then(async () => {
      const reason = ended()
      if (reason !== null) throw reason
      checkDevice(device)
      try {
        return await work()
      } catch (error) {
        throw ended() ?? typed(error)
      }
    })
    // drops the value: otherwise the outputs of the last run would be retained while the device is open
    last = turn.then(
      () => {},
      () => {},
    )
    return turn
  }
}
