import type { DimValues } from '../plan/dim.ts'
import { checkPlan } from '../plan/check.ts'
import type { Plan } from '../plan/plan.ts'
import { checkRoom, createParts, settle, type Part } from './buffers.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import type { Device } from './device.ts'
import { bindDims, type Inputs } from './dims.ts'
import { OutOfMemoryError, PlanError, StateError } from './errors.ts'
import { createFrame, type Frame } from './frame.ts'
import { persistentBytes } from './memory.ts'
import { compileKernels, type CompiledKernels } from './pipelines.ts'
import { createStopwatch, stepTimes, type StepTime } from './profile.ts'
import { checkRequirements } from './requirements.ts'
import { checkOutputsFinite, runFrame, type Outputs } from './run.ts'
import { arrayOf, type HostArray } from './tensors.ts'
import { loadWeights, type LoadOptions, type LoadReport } from './weights/load.ts'

export interface RunOptions {
  /** Refuse outputs with NaN or infinite values. */
  readonly checkFinite?: boolean
}

export interface Profile {
  readonly outputs: Outputs
  readonly program: string
  readonly dims: DimValues
  /** In the order in which they ran. */
  readonly steps: readonly StepTime[]
}

/** A plan on a device. Calls are served one after the other, in the order they came. */
export interface Session {
  readonly plan: Plan
  readonly device: Device
  /** Streams every weight of the plan from a checkpoint into the device. Throws a WeightError with every misfit at once. */
  readonly loadWeights: (checkpoint: Checkpoint, options?: LoadOptions) => Promise<LoadReport>
  /** Throws an InputError naming the dimension that does not fit, and whatever the device reports, as a RuntimeError. */
  readonly run: (inputs: Inputs, options?: RunOptions) => Promise<Outputs>
  /** A run with the time of every step; throws a FeatureError where the device has no timestamp queries. */
  readonly profile: (inputs: Inputs, options?: RunOptions) => Promise<Profile>
  /** Frees what the session holds on the device, not the device; may be called again. */
  readonly dispose: () => void
}

/** Frames kept for dims that come again: a prompt's and a single token's, and some to spare. */
const FRAMES_KEPT = 4

interface Memory {
  readonly parts: ReadonlyMap<number, readonly Part[]>
  readonly owned: GPUBuffer[]
}

/** Memory of what lives as long as the session; the constants are written at once. */
async function createPersistent(device: Device, plan: Plan): Promise<Memory> {
  const owned: GPUBuffer[] = []
  checkRoom(device, `the weights of ${plan.model}`, persistentBytes(plan))
  try {
    const lasting = plan.buffers.filter(({ role }) => role === 'weight' || role === 'constant')
    const made = lasting.map(async (buffer) => [buffer.id, await createParts(device, buffer, {}, owned)] as const)
    const parts = new Map(await settle(made))
    for (const { buffer, dtype, values } of plan.constants) {
      const data = arrayOf(dtype, new ArrayBuffer(4 * values.length))
      data.set(values)
      writeParts(device, parts.get(buffer)!, data)
    }
    return { parts, owned }
  } catch (error) {
    owned.forEach((buffer) => buffer.destroy())
    throw error
  }
}

function writeParts(device: Device, parts: readonly Part[], data: HostArray): void {
  let start = 0
  for (const { buffer, offset, elements } of parts) {
    if (elements > 0) device.gpu.queue.writeBuffer(buffer, offset, data as HostArray & ArrayBufferView<ArrayBuffer>, start, elements)
    start += elements
  }
}

/**
 * Checks the plan against the device, compiles its kernels and takes memory for its weights.
 * Throws a PlanError, FeatureError, LimitError, KernelError or OutOfMemoryError.
 */
export async function createSession(device: Device, plan: Plan): Promise<Session> {
  const problems = checkPlan(plan).problems
  if (problems.length > 0) throw new PlanError(problems)
  checkRequirements(plan.requires, device)
  const memory = createPersistent(device, plan)
  // looked at after the kernels
  memory.catch(() => {})
  const compiled = await compileKernels(device, plan.kernels).catch(async (error: unknown) => {
    await memory.then(({ owned }) => owned.forEach((buffer) => buffer.destroy()), () => {})
    throw error
  })
  return serve(device, plan, compiled, await memory)
}

function serve(device: Device, plan: Plan, compiled: CompiledKernels, memory: Memory): Session {
  const frames = new Map<string, Frame>()
  let queue: Promise<unknown> = Promise.resolve()
  let disposed = false
  let loaded = plan.weights.length === 0

  const check = (): void => {
    if (disposed) throw new StateError(`the session of ${plan.model} is disposed`)
    const error = device.lost() ?? device.takeError()
    if (error !== null) throw error
  }

  /** One at a time: the buffers of a frame are shared by all who use it. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = queue.then(() => {
      check()
      return work()
    })
    queue = turn.catch(() => {})
    return turn
  }

  const dropFrames = (keep: number): void => {
    for (const [key, frame] of [...frames].slice(0, Math.max(0, frames.size - keep))) {
      frame.destroy()
      frames.delete(key)
    }
  }

  const makeFrame = async (values: DimValues): Promise<Frame> => {
    dropFrames(FRAMES_KEPT - 1)
    const make = (): Promise<Frame> => createFrame(device, plan, compiled, values, memory.parts)
    return make().catch((error: unknown) => {
      if (!(error instanceof OutOfMemoryError) || frames.size === 0) throw error
      dropFrames(0)
      return make()
    })
  }

  const frameFor = async (values: DimValues): Promise<Frame> => {
    const key = plan.dims.map(({ name }) => values[name]).join()
    const frame = frames.get(key) ?? await makeFrame(values)
    // the one used last stands last
    frames.delete(key)
    frames.set(key, frame)
    return frame
  }

  const prepare = async (inputs: Inputs): Promise<Frame> => {
    if (!loaded) throw new StateError(`the weights of ${plan.model} are not loaded: call loadWeights first`)
    return frameFor(bindDims(plan, inputs))
  }

  const finish = (outputs: Outputs, { checkFinite = false }: RunOptions = {}): Outputs => {
    check()
    if (checkFinite) checkOutputsFinite(outputs)
    return outputs
  }

  return {
    plan,
    device,
    loadWeights: (checkpoint, options) => inTurn(async () => {
      const report = await loadWeights(device, plan, memory.parts, checkpoint, options)
      loaded = true
      return report
    }),
    run: (inputs, options) => inTurn(async () => {
      const frame = await prepare(inputs)
      return finish(await runFrame(device, plan, frame, inputs, null), options)
    }),
    profile: (inputs, options) => inTurn(async () => {
      const frame = await prepare(inputs)
      const stopwatch = await createStopwatch(device, frame.steps.length)
      try {
        const outputs = finish(await runFrame(device, plan, frame, inputs, stopwatch), options)
        const steps = stepTimes(frame.steps, await stopwatch.read())
        return { outputs, program: frame.program.name, dims: frame.values, steps }
      } finally {
        stopwatch.destroy()
      }
    }),
    dispose: () => {
      if (disposed) return
      disposed = true
      dropFrames(0)
      memory.owned.splice(0).forEach((buffer) => buffer.destroy())
    },
  }
}
