/** Runs an execution instance: writes the inputs, submits one command buffer, reads the outputs. */
import type { Plan } from '../plan/plan.ts'
import { readMapped, settleAll } from './buffers.ts'
import { encodeCopy } from './copies.ts'
import type { Device } from './device.ts'
import type { Inputs } from './dims.ts'
import type { ExecutionInstance, StagedOutput, BoundDispatch } from './instance.ts'
import { writeParts } from './persistent.ts'
import type { TimestampQueries } from './profile.ts'
import { withErrorScopes } from './scopes.ts'
import { arrayOf, type HostData } from './tensors.ts'

export type Outputs = Readonly<Record<string, HostData>>

function writeInputs(device: Device, instance: ExecutionInstance, inputs: Inputs): void {
  for (const { name, buffer } of instance.inputs) writeParts(device, instance.parts.get(buffer)!, inputs[name].data)
}

function encodeDispatch(pass: GPUComputePassEncoder, { pipeline, bindings, x, y }: BoundDispatch): void {
  if (x === 0) return
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, bindings)
  pass.dispatchWorkgroups(x, y)
}

/** One pass for all dispatches; one pass for each if they are timed. */
function encodeDispatches(encoder: GPUCommandEncoder, instance: ExecutionInstance, queries: TimestampQueries | null): void {
  if (queries === null) {
    const pass = encoder.beginComputePass({ label: instance.program.name })
    for (const dispatch of instance.dispatches) encodeDispatch(pass, dispatch)
    pass.end()
    return
  }
  for (const [at, bound] of instance.dispatches.entries()) {
    const pass = encoder.beginComputePass({ label: bound.dispatch.label, timestampWrites: queries.writesFor(at) })
    encodeDispatch(pass, bound)
    pass.end()
  }
}

function encodeReads(encoder: GPUCommandEncoder, { outputs, staging }: ExecutionInstance): void {
  for (const { offset, bytes, parts } of outputs) {
    let done = 0
    for (const part of parts) {
      const size = Math.min(bytes - done, part.elements * part.bytes)
      if (size > 0) encoder.copyBufferToBuffer(part.buffer, part.offset, staging, offset + done, size)
      done += size
    }
  }
}

async function readOutputs(device: Device, { outputs, staging }: ExecutionInstance): Promise<Outputs> {
  return readMapped(device, staging, (mapped) => {
    const read = ({ name, dtype, shape, offset, bytes }: StagedOutput): [string, HostData] => [
      name,
      { shape, data: arrayOf(dtype, mapped.slice(offset, offset + bytes)) },
    ]
    return Object.fromEntries(outputs.map(read))
  })
}

/**
 * Submits one command buffer: all dispatches, then the copies of outputs to the host, then the copies into persistent weights.
 */
export async function runInstance(
  device: Device,
  plan: Plan,
  instance: ExecutionInstance,
  inputs: Inputs,
  queries: TimestampQueries | null,
): Promise<Outputs> {
  const submitted = withErrorScopes(device, `running program ${instance.program.name}`, () => {
    writeInputs(device, instance, inputs)
    const encoder = device.gpu.createCommandEncoder({ label: plan.model })
    encodeDispatches(encoder, instance, queries)
    encodeReads(encoder, instance)
    for (const copy of instance.copies) encodeCopy(encoder, copy)
    queries?.resolve(encoder)
    device.gpu.queue.submit([encoder.finish()])
  })
  // both run at once; the staging buffer can be used again when both have settled
  const [, read] = await settleAll<unknown>([submitted, readOutputs(device, instance)])
  return read as Outputs
}
