/** The WebGPU of a page, for libraries that look for it there, on a software adapter as smoe finds it. */
import { discover } from '../../../runtime/dawn/discover.ts'
import { napWhilePending } from '../../../runtime/dawn/wait.ts'
import { AbsentError } from './runner.ts'

export type SoftwareAdapter = 'lavapipe' | 'SwiftShader'

const NAMES: Readonly<Record<SoftwareAdapter, RegExp>> = { lavapipe: /llvmpipe/i, SwiftShader: /swiftshader/i }

/** Finds the driver, and sets the environment and the Vulkan loader by which a library of this process finds it too. */
async function requesterOf(adapter: SoftwareAdapter): Promise<() => Promise<GPUAdapter | null>> {
  const { stages } = await discover()
  for await (const { adapterNames, request } of stages()) {
    const name = adapterNames.find((one) => NAMES[adapter].test(one))
    if (name !== undefined) return () => request(name)
  }
  throw new AbsentError(`this machine has no ${adapter}`)
}

/** Waits as smoe does, so that polling takes no core from the adapter. */
function waitPolitely(): void {
  const queue = GPUQueue.prototype
  const buffer = GPUBuffer.prototype
  const { onSubmittedWorkDone } = queue
  const { mapAsync } = buffer
  queue.onSubmittedWorkDone = function (this: GPUQueue) {
    return napWhilePending(onSubmittedWorkDone.call(this))
  }
  buffer.mapAsync = function (this: GPUBuffer, ...range: Parameters<GPUBuffer['mapAsync']>) {
    return napWhilePending(mapAsync.apply(this, range))
  }
}

/** Throws an AbsentError where there is no such adapter. */
export async function provideWebGpu(adapter: SoftwareAdapter): Promise<void> {
  const requestAdapter = await requesterOf(adapter)
  const gpu = { requestAdapter, getPreferredCanvasFormat: () => 'bgra8unorm', wgslLanguageFeatures: new Set<string>() }
  Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'node' }, configurable: true })
  waitPolitely()
}
