/** Opens devices in a browser, on `navigator.gpu`. The interface is the same as in Node. */

import { checkedAsync, filled, options } from '../../plan/arguments.ts'
import type { Device } from '../device.ts'
import { describeTarget, isSoftware, openDevice as openAdapter } from '../webgpu/device.ts'
import { NoAdapterError, type Attempt } from '../errors.ts'

/**
 * A page cannot list adapters, so `auto` takes the one that the browser prefers. `gpu` and `software` refuse an adapter of the
 * other kind; any other text must occur in the name of the adapter.
 */
export interface OpenOptions {
  readonly choose?: 'auto' | 'gpu' | 'software' | (string & {})
}

const attemptOf = (found: string): readonly Attempt[] => [{ what: 'navigator.gpu', found, command: null }]

function matches(adapter: GPUAdapter, choose: string): boolean {
  if (choose === 'auto') return true
  const software = isSoftware(adapter.info)
  if (choose === 'gpu' || choose === 'software') return software === (choose === 'software')
  const { vendor, architecture, device, description } = adapter.info
  return [vendor, architecture, device, description].join(' ').toLowerCase().includes(choose.toLowerCase())
}

async function open({ choose = 'auto' }: OpenOptions = {}): Promise<Device> {
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
  const reason = choose === 'auto' ? 'the browser prefers it' : `it matches '${choose}'`
  return openAdapter(adapter, { choice: { name, driver: adapter.info.description, reason } })
}

/** Opens the browser's adapter. Throws a NoAdapterError with the reason. */
export const openDevice = checkedAsync('openDevice', { options: options({ choose: filled }) }, open)
