import type { Requirements } from '../plan/plan.ts'
import type { Device } from './device.ts'
import { FeatureError, LimitError } from './errors.ts'

const LIMITS = [
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
  'maxStorageBufferBindingSize',
] as const satisfies readonly (keyof Requirements & keyof GPUSupportedLimits)[]

/** Throws a FeatureError or a LimitError where the device is not what the plan was made for. */
export function checkRequirements(requires: Requirements, device: Device): void {
  const { gpu, target } = device
  const missing = requires.features.filter((feature) => !gpu.features.has(feature))
  if (missing.length > 0) throw new FeatureError(missing, [...gpu.features])
  for (const limit of LIMITS) {
    if (requires[limit] > gpu.limits[limit]) throw new LimitError('the plan', limit, requires[limit], gpu.limits[limit])
  }
  const lanes = requires.subgroupSize
  if (lanes !== null && lanes !== target.subgroupSize)
    throw new LimitError('the plan', 'subgroup size', lanes, target.subgroupSize)
}
