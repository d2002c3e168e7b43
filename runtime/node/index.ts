/** Devices in Node: GPUs through WebGPU, and the processor. */
import { checkedAsync, filled, flag, oneOf, options, positive } from '../../plan/arguments.ts'
import { LANGUAGE } from '../../plan/plan.ts'
import { openDevice as openDeviceUnchecked } from './open.ts'

/** Opens the best device that matches the options. Throws a NoAdapterError with the places searched and what would help. */
export const openDevice = checkedAsync(
  'openDevice',
  { options: options({ choose: filled, runs: oneOf(Object.keys(LANGUAGE)), threads: positive, fast: flag }) },
  openDeviceUnchecked,
)

export type { Choose, OpenOptions } from './open.ts'
