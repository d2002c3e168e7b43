import type { Device } from './device.ts'
import { describeGpuError } from './device.ts'

/**
 * Makes something on the device inside error scopes. `create` must be synchronous: scopes are a stack of the device.
 * Throws an OutOfMemoryError or a DeviceError that names `what`.
 */
export async function scoped<T>(device: Device, what: string, create: () => T, bytes = 0): Promise<T> {
  const { gpu } = device
  gpu.pushErrorScope('validation')
  gpu.pushErrorScope('out-of-memory')
  gpu.pushErrorScope('internal')
  let value: T
  try {
    value = create()
  } finally {
    // popped at once, also when `create` throws
    var errors = [gpu.popErrorScope(), gpu.popErrorScope(), gpu.popErrorScope()]
    for (const error of errors) error.catch(() => {})
  }
  const error = (await device.wait(Promise.all(errors))).find((found) => found !== null)
  if (error) throw describeGpuError(what, error, bytes)
  return value
}
