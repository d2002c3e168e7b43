/** Error scopes of WebGPU around calls that create or submit. */
import { describeGpuError, type GpuContext } from './context.ts'

/**
 * Runs `create` inside error scopes. It must be synchronous, because the scopes are one stack of the device.
 * Throws an OutOfMemoryError of `bytes` or a DeviceError, both with `what`.
 */
export async function withErrorScopes<T>(device: GpuContext, what: string, create: () => T, bytes = 0): Promise<T> {
  const { gpu } = device
  for (const filter of ['validation', 'out-of-memory', 'internal'] as const) gpu.pushErrorScope(filter)
  const pop = (): Promise<(GPUError | null)[]> => Promise.all([gpu.popErrorScope(), gpu.popErrorScope(), gpu.popErrorScope()])
  let value: T
  try {
    value = create()
  } catch (error) {
    pop().catch(() => {})
    throw error
  }
  const error = (await device.wait(pop())).find((found) => found !== null)
  if (error) throw describeGpuError(what, error, bytes)
  return value
}
