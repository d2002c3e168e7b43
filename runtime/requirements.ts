/** Checks that a device meets the requirements of a plan. */
import type { Requirements } from '../plan/plan.ts'
import type { Device } from './device.ts'
import { FeatureError, LimitError } from './errors.ts'

const LIMITS = [
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
  'maxStorageBufferBindingSize',
] as const satisfies readonly (keyof Requirements)[]

/** Throws a FeatureError or a LimitError if the device lacks what the plan was compiled for. */
export function checkRequirements(requires: Requirements, device: Device): void {
  const { features, limits, target } = device
  const missing = requires.features.filter((feature) => !features.has(feature))
  if (missing.length > 0) throw new FeatureError(missing, [...features])
  for (const limit of LIMITS) {
    if (requires[limit] > limits[limit]) throw new LimitError('the plan', limit, requires[limit], limits[limit])
  }
  const { subgroupSize } = requires
  if (subgroupSize !== null && subgroupSize !== target.subgroupSize)
    throw new LimitError('the plan', 'subgroup size', subgroupSize, target.subgroupSize)
}
