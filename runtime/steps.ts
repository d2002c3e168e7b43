/** Runs single dispatches of a plan on given contents of their buffers: what a kernel computes, apart from all others. */
import { dim, evaluate, type DimValues } from '../plan/dim.ts'
import type { Plan, Port, Program, StorageType } from '../plan/plan.ts'
import type { Part } from './buffers.ts'
import { halfBits } from './checkpoint/half.ts'
import type { Device } from './device.ts'
import { createTaskFrame, type Ground } from './frame.ts'
import { createKernelCompiler, type CompileProgress } from './pipelines.ts'
import { runFrame } from './run.ts'
import { createSlots } from './slots.ts'
import type { HostArray } from './tensors.ts'

/** Buffer of the plan -> its elements; halves as f32. */
export type Contents = ReadonlyMap<number, HostArray>

export interface StepRunner {
  /**
   * Runs step `at` of a program, whose every buffer begins with these contents. Resolves to the contents of the buffers that it may write.
   * Throws whatever the device reports, as a RuntimeError.
   */
  readonly run: (program: Program, at: number, dims: DimValues, contents: Contents) => Promise<Contents>
  readonly dispose: () => void
}

/** f16 is written as pairs of bits: a write is a multiple of four bytes. */
function bytesOf(dtype: StorageType, data: HostArray): HostArray | Uint16Array {
  if (dtype !== 'f16') return data
  const bits = new Uint16Array(data.length + (data.length % 2))
  data.forEach((value, at) => (bits[at] = halfBits(value)))
  return bits
}

function write({ gpu }: Device, parts: readonly Part[], dtype: StorageType, data: HostArray): void {
  let start = 0
  for (const { buffer, offset, elements } of parts) {
    const part = bytesOf(dtype, data.subarray(start, start + elements))
    if (elements > 0) gpu.queue.writeBuffer(buffer, offset, part as Uint16Array<ArrayBuffer>)
    start += elements
  }
}

/** Compiles the kernels of a plan. Throws a KernelError as `createSession` does. */
export async function openSteps(device: Device, plan: Plan, onCompile?: CompileProgress): Promise<StepRunner> {
  const compiler = createKernelCompiler(device)
  const compiled = await compiler.compile(plan.kernels, onCompile)
  const ground: Ground = { device, plan, compiled, persistent: new Map(), slots: createSlots(device) }
  const portOf = (id: number): Port => {
    const { dtype, elements } = plan.buffers.find((buffer) => buffer.id === id)!
    return { name: String(id), dtype, shape: [elements], buffer: id, doc: '' }
  }

  const run: StepRunner['run'] = async (program, at, dims, contents) => {
    const step = program.steps[at]
    const { bindings } = plan.kernels.find(({ id }) => id === step.kernel)!
    const written = new Set(step.bindings.flatMap(({ buffer }, slot) => (bindings[slot].access === 'read_write' ? [buffer] : [])))
    const ports = [...new Set(step.bindings.map(({ buffer }) => buffer))].map(portOf)
    const alone = { name: step.label, when: null, slots: [], placement: [], steps: [step] }
    const outputs = ports.filter(({ buffer }) => written.has(buffer))
    const frame = await createTaskFrame(ground, { program: alone, inputs: ports, outputs }, dims)
    try {
      for (const { buffer, dtype } of ports) write(device, frame.parts.get(buffer)!, dtype, contents.get(buffer)!)
      const after = await runFrame(device, plan, { ...frame, inputs: [] }, {}, null)
      return new Map(outputs.map(({ name, buffer }) => [buffer, after[name].data]))
    } finally {
      frame.destroy()
    }
  }
  return { run, dispose: () => compiler.release(plan.kernels) }
}

/** How many elements a buffer has at these dims. */
export const elementsOf = (plan: Plan, id: number, dims: DimValues): number =>
  evaluate(dim(plan.buffers.find((buffer) => buffer.id === id)!.elements), dims)
