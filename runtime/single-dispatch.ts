/** Runs single dispatches of a plan on given buffer contents, for debugging: what one kernel computes, apart from all others. */
import { dim, evaluate, type DimValues } from '../plan/dim.ts'
import type { Plan, Port, Program, StorageType } from '../plan/plan.ts'
import { halfBits } from './checkpoint/half.ts'
import type { Device, Part } from './device.ts'
import { instantiate, type SharedResources } from './instance.ts'
import { createKernelCompiler, type CompileProgress } from './kernel-cache.ts'
import { runInstance } from './run.ts'
import { createSlots } from './slots.ts'
import type { HostArray } from './tensors.ts'

/** Id of a plan buffer -> its elements; f16 as f32. */
export type Contents = ReadonlyMap<number, HostArray>

export interface DispatchRunner {
  /**
   * Runs dispatch `at` of a program, with these contents of all its buffers. Resolves to the contents of the buffers that it may
   * write. Errors of the device are RuntimeErrors.
   */
  readonly run: (program: Program, at: number, dims: DimValues, contents: Contents) => Promise<Contents>
  readonly dispose: () => void
}

/** f16 as 16-bit words, padded to a multiple of 4 bytes, as writes require. */
function bytesOf(dtype: StorageType, data: HostArray): HostArray | Uint16Array {
  if (dtype !== 'f16') return data
  const bits = new Uint16Array(data.length + (data.length % 2))
  data.forEach((value, at) => (bits[at] = halfBits(value)))
  return bits
}

function write(device: Device, parts: readonly Part[], dtype: StorageType, data: HostArray): void {
  let start = 0
  for (const { buffer, offset, elements } of parts) {
    const part = bytesOf(dtype, data.subarray(start, start + elements))
    if (elements > 0) device.write(buffer, offset, part, 0, part.length)
    start += elements
  }
}

/** Compiles the kernels of a plan. Throws a KernelError as `createSession` does. */
export async function openDispatches(device: Device, plan: Plan, onCompile?: CompileProgress): Promise<DispatchRunner> {
  const compiler = createKernelCompiler(device)
  const compiled = await compiler.compile(plan.kernels, onCompile)
  const resources: SharedResources = { device, plan, compiled, persistent: new Map(), slots: createSlots(device) }
  const portOf = (id: number): Port => {
    const { dtype, elements } = plan.buffers.find((buffer) => buffer.id === id)!
    return { name: String(id), dtype, shape: [elements], buffer: id, doc: '' }
  }

  const run: DispatchRunner['run'] = async (program, at, dims, contents) => {
    const dispatch = program.steps[at]
    const { bindings } = plan.kernels.find(({ id }) => id === dispatch.kernel)!
    const written = new Set(
      dispatch.bindings.flatMap(({ buffer }, binding) => (bindings[binding].access === 'read_write' ? [buffer] : [])),
    )
    const ports = [...new Set(dispatch.bindings.map(({ buffer }) => buffer))].map(portOf)
    const alone = { name: dispatch.label, when: null, slots: [], placement: [], steps: [dispatch] }
    const outputs = ports.filter(({ buffer }) => written.has(buffer))
    const instance = await instantiate(resources, { program: alone, inputs: ports, outputs }, dims)
    try {
      for (const { buffer, dtype } of ports) write(device, instance.parts.get(buffer)!, dtype, contents.get(buffer)!)
      const { outputs: after } = await runInstance({ ...instance, inputs: [] }, {})
      return new Map(outputs.map(({ name, buffer }) => [buffer, after[name].data]))
    } finally {
      instance.destroy()
    }
  }
  return { run, dispose: () => compiler.release(plan.kernels) }
}

/** Elements of a buffer with these dims. */
export const elementsOf = (plan: Plan, id: number, dims: DimValues): number =>
  evaluate(dim(plan.buffers.find((buffer) => buffer.id === id)!.elements), dims)
