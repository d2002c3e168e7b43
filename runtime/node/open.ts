/** Opens a device in Node: a GPU, the processor's threads, or a software adapter by name. */
import { openDevice as openAdapter } from '../dawn/open.ts'
import type { Device } from '../device.ts'
import { NoAdapterError } from '../errors.ts'
import { mayHaveGpu } from './gpu-present.ts'
import { openCpuDevice } from './threads.ts'

/**
 * `auto`: a GPU, then `cpu`; `gpu`: only such; `cpu`: threads of the processor, in WebAssembly; `software`: lavapipe or
 * SwiftShader, which run shaders on the processor; else a part of an adapter's name.
 */
export type Choose = 'auto' | 'gpu' | 'cpu' | 'software' | (string & {})

export interface OpenOptions {
  readonly choose?: Choose
  /** Threads of the cpu device; by default one for each core that the process may use. */
  readonly threads?: number
}

async function openAuto(threads: number | undefined): Promise<Device> {
  if (!mayHaveGpu()) return openCpuDevice({ threads, reason: 'this machine has no GPU' })
  try {
    return await openAdapter({ choose: 'gpu' })
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error
    const dawn = error.attempts.find(({ command }) => command !== null)
    const reason =
      dawn === undefined ? 'no GPU was found' : `no GPU was looked for: ${dawn.what} is ${dawn.found} (${dawn.command})`
    return openCpuDevice({ threads, reason })
  }
}

/** Opens the best device that matches the options. Throws a NoAdapterError with the places searched and what would help. */
export async function openDevice({ choose = 'auto', threads }: OpenOptions = {}): Promise<Device> {
  if (choose === 'auto') return openAuto(threads)
  if (choose === 'cpu') return openCpuDevice({ threads })
  return openAdapter({ choose })
}
