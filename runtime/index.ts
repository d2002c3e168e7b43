/** Runs plans. Nothing here is of Node: devices come from `runtime/dawn` or `runtime/browser`, files from `runtime/checkpoint/node.ts`. */

export { describeTarget, openDevice, type AdapterChoice, type Device, type DeviceOptions } from './device.ts'
export { createSession, type Profile, type RunOptions, type Session } from './session.ts'
export { bindDims, chooseProgram, type Inputs } from './dims.ts'
export { estimate, type MemoryEstimate } from './memory.ts'
export type { Outputs } from './run.ts'
export type { StepTime } from './profile.ts'
export type { HostArray, HostData } from './tensors.ts'
export type { LoadOptions, LoadReport } from './weights/load.ts'
export type { Checkpoint, TensorInfo } from './checkpoint/checkpoint.ts'
export { memoryCheckpoint } from './checkpoint/memory.ts'
export * from './errors.ts'
