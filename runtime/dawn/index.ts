/** Devices in Node. */

import { checkedAsync, filled, options } from '../../plan/arguments.ts'
import { openDevice as openDeviceUnchecked, openDevices as openDevicesUnchecked } from './open.ts'

const OPEN = { options: options({ choose: filled }) }

/** Opens the best adapter that is as asked for. Throws a NoAdapterError that says where it looked and what would help. */
export const openDevice = checkedAsync('openDevice', OPEN, openDeviceUnchecked)

/** Opens every adapter that is as asked for, the best first; none is an empty list. */
export const openDevices = checkedAsync('openDevices', OPEN, openDevicesUnchecked)

export { listAdapters } from './open.ts'
export type { AdapterReport, Choose, MachineReport, OpenOptions } from './open.ts'
export { cacheDirectory } from './cache.ts'
