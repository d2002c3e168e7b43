/** What a caller may ask of `openDevice`, in Node and in browsers. */
import { ArgumentError, checkedAsync, filled, flag, oneOf, options, positive } from '../plan/arguments.ts'
import { LANGUAGE, type PlanTarget } from '../plan/plan.ts'
import type { CpuOptions } from './cpu/device.ts'
import type { Device } from './device.ts'

/**
 * `auto`: a GPU, then `cpu`; `gpu`: only such; `cpu`: threads of the processor, in WebAssembly; `software`: an adapter that runs
 * shaders on the processor, lavapipe or SwiftShader; else a part of an adapter's name.
 */
export type Choose = 'auto' | 'gpu' | 'cpu' | 'software' | (string & {})

/** `threads` and `fast` are for the cpu device: with `auto` they hold where it is taken. */
export interface OpenOptions extends Pick<CpuOptions, 'threads' | 'fast'> {
  readonly choose?: Choose
  /**
   * The target of a compiled plan: `auto` then takes the best device that runs it, which for `webgpu` is a GPU, then an adapter
   * that runs shaders on the processor.
   */
  readonly runs?: PlanTarget
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

const OPTIONS = {
  options: options({ choose: filled, runs: oneOf(Object.keys(LANGUAGE)), threads: positive, fast: flag }),
}

/** `openDevice` of a platform, with its options checked. */
export const checkedOpen = (open: (options: OpenOptions) => Promise<Device>): ((options?: OpenOptions) => Promise<Device>) =>
  checkedAsync('openDevice', OPTIONS, async (options: OpenOptions = {}) => {
    checkChoice(options)
    return open(options)
  })
