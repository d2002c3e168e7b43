/** Opens a device in a browser: a GPU through WebGPU, the processor's threads, or an adapter by name. */
import type { Device } from '../device.ts'
import { NoAdapterError } from '../errors.ts'
import type { OpenOptions } from '../open-options.ts'
import { openBrowserAdapter } from './adapter.ts'
import { openCpuDevice } from './threads.ts'

async function openAuto({ runs, ...options }: OpenOptions): Promise<Device> {
  if (runs === 'webgpu') return openBrowserAdapter('auto')
  if (runs === 'cpu') return openCpuDevice({ ...options, reason: 'it runs plans for cpu' })
  try {
    return await openBrowserAdapter('gpu')
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error
    return openCpuDevice({ ...options, reason: `no GPU: ${error.attempts.map(({ found }) => found).join('; ')}` })
  }
}

/** Opens the best device that matches the options. Throws a NoAdapterError with the reason. */
export async function openDevice({ choose = 'auto', runs, threads, fast }: OpenOptions): Promise<Device> {
  if (choose === 'auto') return openAuto({ runs, threads, fast })
  return choose === 'cpu' ? openCpuDevice({ threads, fast }) : openBrowserAdapter(choose)
}
