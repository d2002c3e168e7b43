/** Opens a device in a browser: a GPU through WebGPU, the processor's threads, or an adapter by name. */
import type { Device } from '../device.ts'
import { NoAdapterError } from '../errors.ts'
import { openBrowserAdapter } from './adapter.ts'
import { openCpuDevice } from './threads.ts'

/**
 * `auto`: a GPU, then `cpu`; `gpu`: only such; `cpu`: threads of the processor, in WebAssembly; `webgpu`: the adapter that the
 * browser prefers, which a page cannot list; `software`: one that runs shaders on the processor; else a part of an adapter's
 * name. The target of a plan is such a choice.
 */
export type Choose = 'auto' | 'gpu' | 'cpu' | 'webgpu' | 'software' | (string & {})

export interface OpenOptions {
  readonly choose?: Choose
  /** Threads of the cpu device; by default one for each core, and one where the page is not cross-origin isolated. */
  readonly threads?: number
}

async function openAuto(threads: number | undefined): Promise<Device> {
  try {
    return await openBrowserAdapter('gpu')
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error
    return openCpuDevice({ threads, reason: `no GPU: ${error.attempts.map(({ found }) => found).join('; ')}` })
  }
}

/** Opens the best device that matches the options. Throws a NoAdapterError with the reason. */
export async function openDevice({ choose = 'auto', threads }: OpenOptions = {}): Promise<Device> {
  if (choose === 'auto') return openAuto(threads)
  if (choose === 'cpu') return openCpuDevice({ threads, reason: 'it was asked for' })
  return openBrowserAdapter(choose)
}
