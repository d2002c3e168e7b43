/** Devices in Node: GPUs through WebGPU, and the processor. */
import { checkedOpen } from '../open-options.ts'
import { openDevice as openDeviceUnchecked } from './open.ts'

/**
 * Opens the best device that matches the options. Throws a NoAdapterError with the places searched and what would help, or an
 * ArgumentError for options that do not go together.
 */
export const openDevice = checkedOpen(openDeviceUnchecked)

export type { Choose, OpenOptions } from '../open-options.ts'
