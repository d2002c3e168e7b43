/**
 * Load-time constants (`held` in a plan): values that depend on weights alone, computed once on the device or read from a file.
 */
import type { Plan } from '../plan/plan.ts'
import { emptyTable } from '../plan/table.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import { readTensor } from './checkpoint/tensor.ts'
import { WeightError } from './errors.ts'
import { checkFinite } from './finite.ts'
import { instantiate, type SharedResources } from './instance.ts'
import { writeParts } from './persistent.ts'
import { runInstance, type Outputs } from './run.ts'
import { showShape } from './tensors.ts'

/**
 * Runs the load-time program of the plan; its results stay on the device. Throws a NotFiniteError for a result that is not
 * finite.
 */
export async function computeLoadTimeConstants(resources: SharedResources): Promise<Outputs> {
  const { plan } = resources
  if (plan.once === null) return {}
  const invocation = { program: plan.once, inputs: [], outputs: plan.held }
  const instance = await instantiate(resources, invocation, {})
  try {
    const { outputs: held } = await runInstance(instance, {})
    checkFinite(held)
    return held
  } finally {
    instance.destroy()
  }
}

const weightError = (checkpoint: Checkpoint, name: string, code: 'missing' | 'shape', message: string): WeightError =>
  new WeightError(checkpoint.name, [{ code, weight: name, tensor: name, near: [], message }])

/** Reads all load-time constants of a plan from a checkpoint. Throws a WeightError if one is missing or has another shape. */
export async function readLoadTimeConstants(plan: Plan, checkpoint: Checkpoint): Promise<Outputs> {
  const held = emptyTable<Outputs[string]>()
  for (const { name, shape } of plan.held) {
    const expected = shape.map(Number)
    const info = checkpoint.tensors.get(name)
    if (info === undefined) throw weightError(checkpoint, name, 'missing', `${name} is missing`)
    if (info.shape.join() !== expected.join()) {
      throw weightError(checkpoint, name, 'shape', `${name} is ${showShape(info.shape)}, ${showShape(expected)} is expected`)
    }
    held[name] = {
      shape: expected,
      data: Float32Array.from((await readTensor(checkpoint, name)).data as ArrayLike<number>, Number),
    }
  }
  checkFinite(held)
  return held
}

/** Loads all load-time constants from a checkpoint to the device. Throws as `readLoadTimeConstants`. */
export async function restoreLoadTimeConstants(
  { device, plan, persistent }: SharedResources,
  checkpoint: Checkpoint,
): Promise<Outputs> {
  const held = await readLoadTimeConstants(plan, checkpoint)
  for (const { name, buffer } of plan.held) writeParts(device, persistent.get(buffer)!, held[name].data)
  return held
}
