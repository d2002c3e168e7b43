/** Runs an execution instance: writes the inputs, executes the program, reads the outputs. */
import type { Inputs } from './dims.ts'
import type { ExecutionInstance } from './instance.ts'
import { writeParts } from './persistent.ts'
import { valuesOf, type HostData } from './tensors.ts'

export type Outputs = Readonly<Record<string, HostData>>

export interface RunResult {
  readonly outputs: Outputs
  /** The time of each dispatch, if it was asked for. */
  readonly nanoseconds: readonly number[] | null
}

/** All dispatches, then the reads of outputs, then the copies into persistent weights. */
export async function runInstance(instance: ExecutionInstance, inputs: Inputs, isTimed = false): Promise<RunResult> {
  const { device, parts, bound } = instance
  const write = (): void => {
    for (const { name, buffer } of instance.inputs) writeParts(device, parts.get(buffer)!, inputs[name].data)
  }
  const { outputs, nanoseconds } = await bound.execute(write, isTimed)
  const tensors = instance.outputs.map((output, at): [string, HostData] => [
    output.name,
    { shape: output.shape, data: valuesOf(output, outputs[at]) },
  ])
  return { outputs: Object.fromEntries(tensors), nanoseconds }
}
