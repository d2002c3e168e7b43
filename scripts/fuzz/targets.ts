/** The adapters that mutants are compiled for: the portable limits, a CPU without subgroups, a GPU with subgroups and f16. */
import { PORTABLE, type Target } from '../../plan/target.ts'

const CPU: Target = {
  ...PORTABLE,
  name: 'cpu',
  kind: 'cpu',
  maxStorageBuffers: 16,
  maxInvocationsPerWorkgroup: 1024,
  maxWorkgroupStorageBytes: 32768,
}

const GPU: Target = {
  ...PORTABLE,
  name: 'gpu',
  subgroupSize: 32,
  features: ['subgroups', 'shader-f16'],
  maxStorageBuffers: 16,
  maxWorkgroupStorageBytes: 49152,
}

export const TARGETS: readonly Target[] = [PORTABLE, CPU, GPU]
