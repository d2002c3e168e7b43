/** Devices in a browser: GPUs through WebGPU, and the processor. The interface is the same as in Node. */
import { checkedOpen } from '../open-options.ts'
import { openDevice as openDeviceUnchecked } from './open.ts'

/**
 * Opens the best device that matches the options. A page cannot list adapters: of those of WebGPU it is given the one that the
 * browser prefers. Throws a NoAdapterError with the reason, or an ArgumentError for options that do not go together.
 */
export const openDevice = checkedOpen(openDeviceUnchecked)

export type { Choose, OpenOptions } from '../open-options.ts'
