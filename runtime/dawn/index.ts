/** Devices in Node. */

import { checkedAsync, filled, options } from '../../plan/arguments.ts'
import { openDevice as openDeviceUnchecked, openDevices as openDevicesUnchecked } from './open.ts'

const OPEN = { options: options({ choose: filled }) }

/** Opens the best adapter that matches the options. Throws a NoAdapterError with the places searched and what would help. */
export const openDevice = checkedAsync('openDevice', OPEN, openDeviceUnchecked)

/** Opens every adapter that matches the options, the best first; the list may be empty. */
export const openDevices = checkedAsync('openDevices', OPEN, openDevicesUnchecked)

export { listAdapters } from './open.ts'
export type { AdapterReport, Choose, MachineReport, OpenOptions } from './open.ts'
export { cacheDirectory } from './cache.ts'
