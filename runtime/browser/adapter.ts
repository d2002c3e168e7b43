/** The adapter of `navigator.gpu`. */
import type { Device } from '../device.ts'
import { NoAdapterError, type Attempt } from '../errors.ts'
import { describeTarget, isSoftware, openDevice as openAdapter } from '../webgpu/device.ts'

const attemptOf = (found: string): readonly Attempt[] => [{ what: 'navigator.gpu', found, command: null }]

function matches(adapter: GPUAdapter, choose: string): boolean {
  if (choose === 'auto') return true
  const software = isSoftware(adapter.info)
  if (choose === 'gpu' || choose === 'software') return software === (choose === 'software')
  const { vendor, architecture, device, description } = adapter.info
  return [vendor, architecture, device, description].join(' ').toLowerCase().includes(choose.toLowerCase())
}

/**
 * Opens the adapter that the browser prefers, where it is what was chosen: `auto` is any. Throws a NoAdapterError with the
 * reason.
 */
export async function openBrowserAdapter(choose: string): Promise<Device> {
  // the property exists on secure pages only
  const gpu = globalThis.navigator?.gpu as GPU | undefined
  if (gpu === undefined)
    throw new NoAdapterError(
      choose,
      attemptOf('absent: the browser has no WebGPU, or the page is not secure (https or localhost)'),
    )
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance', forceFallbackAdapter: choose === 'software' })
  if (adapter === null) throw new NoAdapterError(choose, attemptOf('the browser returned no adapter'))
  const { name } = describeTarget(adapter)
  if (!matches(adapter, choose)) throw new NoAdapterError(choose, attemptOf(`the browser returned ${name}`))
  const reason = choose === 'auto' || choose === 'gpu' ? 'the browser prefers it' : `it matches '${choose}'`
  return openAdapter(adapter, { choice: { name, driver: adapter.info.description, reason } })
}
