/** The device a command runs on, said on stderr: nothing falls back in silence. */
import { Option } from 'commander'
import { CPU, FAST_CPU, PORTABLE, type Target } from '../plan/target.ts'
import type { Device } from '../runtime/device.ts'
import { openDevice } from '../runtime/node/index.ts'
import { EXIT, Failure } from './exit.ts'
import type { Terminal } from './terminal.ts'

/** An empty name would be part of every name. */
function adapterName(text: string): string {
  if (text.trim() === '')
    throw new Failure(EXIT.usage, 'the name of the adapter is empty', 'smoe doctor lists the adapters of this machine')
  return text
}

const threadCount = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new Failure(EXIT.usage, `'${text}' is not a number of threads`, 'write a whole number from 1 on')
}

interface FastOption {
  readonly fast?: boolean
}

export interface DeviceOptions extends FastOption {
  readonly device: string
  readonly threads?: number
}

export const fastOption = (): Option =>
  new Option('--fast', 'lets the cpu multiply and add in one rounding: faster, and not the same bits on every processor')

/** `extra` names further choices, `more` says what else there is to say. `reference` is no device: the f64 evaluator computes. */
export const deviceOption = (extra = '', more = ''): Option =>
  new Option('--device <which>', `auto, gpu, cpu, software${extra}, or part of an adapter's name, such as lavapipe${more}`)
    .argParser(adapterName)
    .default('auto')

export const threadsOption = (): Option =>
  new Option('--threads <n>', 'threads of the cpu device (default: one for each core)').argParser(threadCount)

/** Throws a Failure for options of the cpu device where there is another. */
function keepForCpu({ threads, fast }: Omit<DeviceOptions, 'device'>, isCpu: boolean, took: string, by = '--device'): void {
  if (isCpu) return
  const option = threads !== undefined ? '--threads' : fast === true ? '--fast' : null
  if (option !== null) throw new Failure(EXIT.usage, `${option} is for the cpu device, and ${took}`, `${by} cpu takes it`)
}

/** Null where `--device reference` asks for none: nothing is opened. Throws as `openChosen` does. */
export async function openUnlessReference(options: DeviceOptions, terminal: Terminal): Promise<Device | null> {
  if (options.device !== 'reference') return openChosen(options, terminal)
  keepForCpu(options, false, 'the reference is none')
  return null
}

/** Whether the name may lead to the cpu device, which has options of its own. */
export const mayBeCpu = (name: string): boolean => name === 'auto' || name === 'cpu'

/** Opens what was asked for and says which and why. Throws a NoAdapterError where there is none. */
export async function openChosen({ device: choose, ...options }: DeviceOptions, terminal: Terminal): Promise<Device> {
  const isForCpu = mayBeCpu(choose)
  keepForCpu(options, isForCpu, `this is '${choose}'`)
  const device = await openDevice(isForCpu ? { choose, threads: options.threads, fast: options.fast } : { choose })
  const { name, reason } = device.choice
  terminal.err(`on ${name}: ${reason}\n`)
  try {
    keepForCpu(options, device.target.runs === 'cpu', `auto took ${name}`)
  } catch (problem) {
    device.dispose()
    throw problem
  }
  return device
}

export interface TargetOptions extends FastOption {
  readonly target: string
}

export const targetOption = (): Option =>
  new Option(
    '--target <which>',
    "what kernels are made for: portable (any WebGPU adapter), cpu, auto, gpu, software, or part of an adapter's name",
  )
    .argParser(adapterName)
    .default('portable')

/** What kernels are made for: `portable`, `cpu`, or a device of this machine. */
export async function chooseTarget({ target: choose, fast }: TargetOptions, terminal: Terminal): Promise<Target> {
  if (choose === 'cpu') return fast === true ? FAST_CPU : CPU
  if (choose === 'portable') {
    keepForCpu({ fast }, false, 'the target is portable', '--target')
    return PORTABLE
  }
  const device = await openChosen({ device: choose, fast }, terminal)
  const { target } = device
  device.dispose()
  return target
}
