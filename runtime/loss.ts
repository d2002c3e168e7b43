/** The loss of a device, and the promises that end with it. */
import { DeviceLostError } from './errors.ts'

export interface Loss {
  /** The reason; null while the device works. */
  readonly lost: () => DeviceLostError | null
  /** Whether the device was not lost before. */
  readonly lose: (reason: GPUDeviceLostReason, message: string) => boolean
  /** Awaits the promise. Rejects with a DeviceLostError if the device is lost first. */
  readonly untilLost: <T>(promise: Promise<T>) => Promise<T>
}

/**
 * Pending waits are kept in a set. A `Promise.race` against a single loss promise would keep a reaction of every wait for as long
 * as the device exists.
 */
export function createLoss(): Loss {
  const waits = new Set<(error: DeviceLostError) => void>()
  let lost: DeviceLostError | null = null
  const lose: Loss['lose'] = (reason, message) => {
    if (lost !== null) return false
    lost = new DeviceLostError(reason, message)
    for (const end of waits) end(lost)
    waits.clear()
    return true
  }
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
  return { lost: () => lost, lose, untilLost }
}
