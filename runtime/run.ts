import type { Plan } from '../plan/plan.ts'
import { readMapped, settle } from './buffers.ts'
import { encodeCopy } from './copies.ts'
import type { Device } from './device.ts'
import type { Inputs } from './dims.ts'
import type { Frame, OutputPlace, ReadyStep } from './frame.ts'
import { writeParts } from './persistent.ts'
import type { Stopwatch } from './profile.ts'
import { scoped } from './scopes.ts'
import { arrayOf, type HostData } from './tensors.ts'

export type Outputs = Readonly<Record<string, HostData>>

function writeInputs(device: Device, frame: Frame, inputs: Inputs): void {
  for (const { name, buffer } of frame.inputs) writeParts(device, frame.parts.get(buffer)!, inputs[name].data)
}

function encodeStep(pass: GPUComputePassEncoder, { pipeline, bindings, x, y }: ReadyStep): void {
  if (x === 0) return
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, bindings)
  pass.dispatchWorkgroups(x, y)
}

/** One pass for all; a pass a step where each is timed. */
function encodeSteps(encoder: GPUCommandEncoder, frame: Frame, stopwatch: Stopwatch | null): void {
  if (stopwatch === null) {
    const pass = encoder.beginComputePass({ label: frame.program.name })
    for (const step of frame.steps) encodeStep(pass, step)
    pass.end()
    return
  }
  for (const [at, step] of frame.steps.entries()) {
    const pass = encoder.beginComputePass({ label: step.step.label, timestampWrites: stopwatch.writesOf(at) })
    encodeStep(pass, step)
    pass.end()
  }
}

function encodeReads(encoder: GPUCommandEncoder, { outputs, staging }: Frame): void {
  for (const { offset, bytes, parts } of outputs) {
    let done = 0
    for (const part of parts) {
      const size = Math.min(bytes - done, part.elements * part.bytes)
      if (size > 0) encoder.copyBufferToBuffer(part.buffer, part.offset, staging, offset + done, size)
      done += size
    }
  }
}

async function readOutputs(device: Device, { outputs, staging }: Frame): Promise<Outputs> {
  return readMapped(device, staging, (mapped) => {
    const read = ({ name, dtype, shape, offset, bytes }: OutputPlace): [string, HostData] => [
      name,
      { shape, data: arrayOf(dtype, mapped.slice(offset, offset + bytes)) },
    ]
    return Object.fromEntries(outputs.map(read))
  })
}

/** One command buffer: every step, then the copies of the outputs, then those to weights; nothing comes back to the host in between. */
export async function runFrame(
  device: Device,
  plan: Plan,
  frame: Frame,
  inputs: Inputs,
  stopwatch: Stopwatch | null,
): Promise<Outputs> {
  const submitted = scoped(device, `running program ${frame.program.name}`, () => {
    writeInputs(device, frame, inputs)
    const encoder = device.gpu.createCommandEncoder({ label: plan.model })
    encodeSteps(encoder, frame, stopwatch)
    encodeReads(encoder, frame)
    for (const copy of frame.copies) encodeCopy(encoder, copy)
    stopwatch?.resolve(encoder)
    device.gpu.queue.submit([encoder.finish()])
  })
  // both are under way at once; the staging buffer is at rest again when both are done
  const [, read] = await settle<unknown>([submitted, readOutputs(device, frame)])
  return read as Outputs
}
