/** Devices in Node. */

export { listAdapters, openDevice, openDevices } from './open.ts'
export type { AdapterReport, Choose, MachineReport, OpenOptions } from './open.ts'
export { cacheDirectory } from './cache.ts'
