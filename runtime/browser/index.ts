/** Devices in a browser: GPUs through WebGPU, and the processor. The interface is the same as in Node. */
import { checkedAsync, filled, options, positive } from '../../plan/arguments.ts'
import { openDevice as openDeviceUnchecked } from './open.ts'

/** Opens the best device that matches the options. Throws a NoAdapterError with the reason. */
export const openDevice = checkedAsync(
  'openDevice',
  { options: options({ choose: filled, threads: positive }) },
  openDeviceUnchecked,
)

export type { Choose, OpenOptions } from './open.ts'
