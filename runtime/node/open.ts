/** Opens a device in Node: a GPU, the processor's threads, or a software adapter by name. */
import { ArgumentError } from '../../plan/arguments.ts'
import type { PlanTarget } from '../../plan/plan.ts'
import type { CpuOptions } from '../cpu/device.ts'
import { DAWN } from '../dawn/remedies.ts'
import type { Device } from '../device.ts'
import { NoAdapterError } from '../errors.ts'
import { mayHaveGpu } from './gpu-present.ts'
import { openCpuDevice } from './threads.ts'

/**
 * `auto`: a GPU, then `cpu`; `gpu`: only such; `cpu`: threads of the processor, in WebAssembly; `software`: lavapipe or
 * SwiftShader, which run shaders on the processor; else a part of an adapter's name.
 */
export type Choose = 'auto' | 'gpu' | 'cpu' | 'software' | (string & {})

/** `threads` and `fast` are for the cpu device: with `auto` they hold where it is taken. */
export interface OpenOptions extends Pick<CpuOptions, 'threads' | 'fast'> {
  readonly choose?: Choose
  /**
   * The target of a compiled plan: `auto` then takes the best device that runs it, which for `webgpu` is a GPU, then lavapipe,
   * then SwiftShader.
   */
  readonly runs?: PlanTarget
}

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

/** Throws an ArgumentError for options that the chosen device cannot have. */
function checkChoice({ choose, runs, threads, fast }: OpenOptions): void {
  if (choose === undefined || choose === 'auto') return
  const refuse = (option: string, message: string): never => {
    throw new ArgumentError('openDevice', `options.${option}`, message)
  }
  if (runs !== undefined && (choose === 'cpu') !== (runs === 'cpu'))
    refuse('runs', `is '${runs}', which a device chosen by '${choose}' does not run`)
  if (choose === 'cpu') return
  if (threads !== undefined) refuse('threads', `is for the cpu device, not for '${choose}'`)
  if (fast !== undefined) refuse('fast', `is for the cpu device, not for '${choose}'`)
}

/**
 * Opens the best device that matches the options. Throws a NoAdapterError with the places searched and what would help, or an
 * ArgumentError for options that do not go together.
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  checkChoice(options)
  const { choose = 'auto', runs, threads, fast } = options
  if (choose === 'auto') return openAuto({ runs, threads, fast })
  return choose === 'cpu' ? openCpuDevice({ threads, fast }) : openAdapter(choose)
}
