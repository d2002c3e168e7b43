/** What the cpu device of this machine has, found without opening one. */
import { availableParallelism } from 'node:os'
import { cpuName, type Revectorizer } from '../cpu/device.ts'
import { ADDRESS_SPACE } from '../cpu/memory.ts'
import { hasWasm } from '../cpu/probe.ts'
import { relaxedSimd, type RelaxedSimd } from './relaxed-simd.ts'
import { enableRevectorizer } from './revectorizer.ts'
import { driverName, freeMemory } from './threads.ts'

export interface CpuReport {
  readonly name: string
  readonly driver: string
  /** Those of a device that is opened without a number. */
  readonly threads: number
  readonly simd: boolean
  readonly relaxedSimd: RelaxedSimd
  /** Found by its test. */
  readonly revectorizer: Revectorizer
  readonly sharedMemory: boolean
  readonly memory64: boolean
  /** Bytes that the host has free. */
  readonly freeMemory: number
  /** Bytes that a device can address. */
  readonly addressSpace: number
}

export const describeCpu = (): CpuReport => ({
  name: cpuName(availableParallelism()),
  driver: driverName(),
  threads: availableParallelism(),
  simd: hasWasm('simd'),
  relaxedSimd: relaxedSimd(),
  revectorizer: enableRevectorizer(),
  sharedMemory: hasWasm('sharedMemory'),
  memory64: hasWasm('memory64'),
  freeMemory: freeMemory(),
  addressSpace: ADDRESS_SPACE,
})
