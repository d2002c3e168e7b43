/** Checks that a device meets the requirements of a plan. */
import type { Plan, Requirements } from '../plan/plan.ts'
import type { Device } from './device.ts'
import { FeatureError, LimitError, PlanError } from './errors.ts'

const LIMITS = [
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
  'maxStorageBufferBindingSize',
] as const satisfies readonly (keyof Requirements)[]

/** Throws a PlanError if the plan is for another kind of device. */
function checkTarget(plan: Plan, { target, choice }: Device): void {
  if (plan.target === target.runs) return
  throw new PlanError([
    `target: it is for ${plan.target}, and ${choice.name} runs plans for ${target.runs}: compile it for this device, or open one that runs it`,
  ])
}

/** Throws a PlanError, a FeatureError or a LimitError if the device is not, or lacks, what the plan was compiled for. */
export function checkRequirements(plan: Plan, device: Device): void {
  checkTarget(plan, device)
  const { requires } = plan
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
