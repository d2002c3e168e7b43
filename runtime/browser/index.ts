/** Devices in a browser: the same interface as in Node, on `navigator.gpu`. */

import { checkedAsync, filled, options } from '../../plan/arguments.ts'
import { describeTarget, isSoftware, openDevice as openAdapter, type Device } from '../device.ts'
import { NoAdapterError, type Attempt } from '../errors.ts'

/** A page cannot list adapters: `auto` takes the browser's best, `gpu` and `software` refuse another, a name must be part of it. */
export interface OpenOptions {
  readonly choose?: 'auto' | 'gpu' | 'software' | (string & {})
}

const nothing = (found: string): readonly Attempt[] => [{ what: 'navigator.gpu', found, command: null }]

function fits(adapter: GPUAdapter, choose: string): boolean {
  if (choose === 'auto') return true
  const software = isSoftware(adapter.info)
  if (choose === 'gpu' || choose === 'software') return software === (choose === 'software')
  const { vendor, architecture, device, description } = adapter.info
  return [vendor, architecture, device, description].join(' ').toLowerCase().includes(choose.toLowerCase())
}

async function open({ choose = 'auto' }: OpenOptions = {}): Promise<Device> {
  // only secure pages have it
  const gpu = globalThis.navigator?.gpu as GPU | undefined
  if (gpu === undefined)
    throw new NoAdapterError(choose, nothing('not there: the browser has no WebGPU, or the page is not secure'))
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance', forceFallbackAdapter: choose === 'software' })
  if (adapter === null) throw new NoAdapterError(choose, nothing('the browser gives no adapter'))
  const { name } = describeTarget(adapter)
  if (!fits(adapter, choose)) throw new NoAdapterError(choose, nothing(`the browser gives ${name}`))
  const reason = choose === 'auto' ? "the browser's best" : `it was asked for as '${choose}'`
  return openAdapter(adapter, { choice: { name, driver: adapter.info.description, reason } })
}

/** Opens the browser's adapter. Throws a NoAdapterError that says what the browser lacks. */
export const openDevice = checkedAsync('openDevice', { options: options({ choose: filled }) }, open)
