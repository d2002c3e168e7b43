/** Adapters that stand for the kinds that kernels are made for, by the limits that such adapters report. */
import { PORTABLE, type Target } from '../../plan/target.ts'

const LARGE = { maxInvocationsPerWorkgroup: 1024, maxWorkgroupStorageBytes: 32768 } as const

export const profiles: readonly Target[] = [
  PORTABLE,
  { ...PORTABLE, name: 'gpu-32', subgroupSize: 32, features: ['subgroups'], ...LARGE, maxStorageBuffers: 10 },
  { ...PORTABLE, name: 'cpu-8', kind: 'cpu', subgroupSize: 8, features: ['subgroups'], ...LARGE },
  { ...PORTABLE, name: 'cpu-4', kind: 'cpu', subgroupSize: 4, features: ['subgroups'] },
  { ...PORTABLE, name: 'cpu', kind: 'cpu' },
]
