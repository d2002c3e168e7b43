/** The device a command runs on, said on stderr: nothing falls back in silence. */
import { Option } from 'commander'
import type { Target } from '../plan/target.ts'
import type { Device } from '../runtime/device.ts'
import { openDevice } from '../runtime/dawn/index.ts'
import { EXIT, Failure } from './exit.ts'
import type { Terminal } from './terminal.ts'

/** An empty name would be part of every name. */
function adapterName(text: string): string {
  if (text.trim() === '')
    throw new Failure(EXIT.usage, 'the name of the adapter is empty', 'smoe doctor lists the adapters of this machine')
  return text
}

/** `reference` is no device: the f64 evaluator computes. */
export const deviceOption = (extra = ''): Option =>
  new Option('--device <which>', `auto, gpu, software${extra}, or part of an adapter's name, such as lavapipe`)
    .argParser(adapterName)
    .default('auto')

/** Opens what was asked for and says which and why. Throws a NoAdapterError where there is none. */
export async function openChosen(choose: string, terminal: Terminal): Promise<Device> {
  const device = await openDevice({ choose })
  const { name, reason } = device.choice
  terminal.err(`on ${name}: ${reason}\n`)
  return device
}

export interface TargetOption {
  readonly target: string
}

export const targetOption = (): Option =>
  new Option(
    '--target <which>',
    "what kernels are made for: portable (any adapter), auto, gpu, software, or part of an adapter's name",
  )
    .argParser(adapterName)
    .default('portable')

/** What kernels are made for: `portable`, or an adapter of this machine. */
export async function chooseTarget(choose: string, portable: Target, terminal: Terminal): Promise<Target> {
  if (choose === 'portable') return portable
  const device = await openChosen(choose, terminal)
  const { target } = device
  device.dispose()
  return target
}
