/** Values that depend on weights alone: made on the device when the weights are there, or read from a file in their place. */
import type { Plan } from '../plan/plan.ts'
import { emptyTable } from '../plan/table.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import { readTensor } from './checkpoint/tensor.ts'
import { WeightError } from './errors.ts'
import { checkFinite } from './finite.ts'
import { createTaskFrame, type Ground } from './frame.ts'
import { writeParts } from './persistent.ts'
import { runFrame, type Outputs } from './run.ts'
import { showShape } from './tensors.ts'

/** Runs the program and leaves its results where all programs read them. Throws a NotFiniteError naming a value that came out so. */
export async function makeHeld(ground: Ground): Promise<Outputs> {
  const { device, plan } = ground
  if (plan.once === null) return {}
  const task = { program: plan.once, inputs: [], outputs: plan.held }
  const frame = await createTaskFrame(ground, task, {})
  try {
    const held = await runFrame(device, plan, frame, {}, null)
    checkFinite(held)
    return held
  } finally {
    frame.destroy()
  }
}

const misfit = (checkpoint: Checkpoint, name: string, code: 'missing' | 'shape', message: string): WeightError =>
  new WeightError(checkpoint.name, [{ code, weight: name, tensor: name, near: [], message }])

/** Every held value of a plan as a checkpoint has it. Throws a WeightError where one is missing or has another shape. */
export async function readHeld(plan: Plan, checkpoint: Checkpoint): Promise<Outputs> {
  const held = emptyTable<Outputs[string]>()
  for (const { name, shape } of plan.held) {
    const wanted = shape.map(Number)
    const info = checkpoint.tensors.get(name)
    if (info === undefined) throw misfit(checkpoint, name, 'missing', `${name} is missing`)
    if (info.shape.join() !== wanted.join()) {
      throw misfit(checkpoint, name, 'shape', `${name} is ${showShape(info.shape)}, ${showShape(wanted)} is wanted`)
    }
    held[name] = {
      shape: wanted,
      data: Float32Array.from((await readTensor(checkpoint, name)).data as ArrayLike<number>, Number),
    }
  }
  checkFinite(held)
  return held
}

/** Takes every held value from a checkpoint. Throws as `readHeld`. */
export async function loadHeld({ device, plan, persistent }: Ground, checkpoint: Checkpoint): Promise<Outputs> {
  const held = await readHeld(plan, checkpoint)
  for (const { name, buffer } of plan.held) writeParts(device, persistent.get(buffer)!, held[name].data)
  return held
}
