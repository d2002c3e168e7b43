/** Opens a device in Node: a GPU, the processor's threads, or a software adapter by name. */
import { DAWN } from '../dawn/remedies.ts'
import type { Device } from '../device.ts'
import { NoAdapterError } from '../errors.ts'
import type { OpenOptions } from '../open-options.ts'
import { mayHaveGpu } from './gpu-present.ts'
import { openCpuDevice } from './threads.ts'

/** Loaded where an adapter is looked for: a machine without a GPU needs none of it. */
const openAdapter = async (choose: string): Promise<Device> => (await import('../dawn/open.ts')).openDevice({ choose })

/** Why a machine that may have a GPU computes without one. */
export function withoutGpu({ attempts }: NoAdapterError): string {
  const dawn = attempts.find(({ what }) => what === DAWN)
  return dawn === undefined ? 'no GPU was found' : `no GPU was looked for: ${dawn.what} is ${dawn.found} (${dawn.command})`
}

async function openAuto({ runs, ...options }: OpenOptions): Promise<Device> {
  if (runs === 'webgpu') return openAdapter('auto')
  if (runs === 'cpu') return openCpuDevice({ ...options, reason: 'it runs plans for cpu' })
  if (!mayHaveGpu()) return openCpuDevice({ ...options, reason: 'this machine has no GPU' })
  try {
    return await openAdapter('gpu')
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error
    return openCpuDevice({ ...options, reason: withoutGpu(error) })
  }
}

/** Opens the best device that matches the options. Throws a NoAdapterError with the places searched and what would help. */
export async function openDevice({ choose = 'auto', runs, threads, fast }: OpenOptions): Promise<Device> {
  if (choose === 'auto') return openAuto({ runs, threads, fast })
  return choose === 'cpu' ? openCpuDevice({ threads, fast }) : openAdapter(choose)
}
