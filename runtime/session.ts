import { checkPlan } from '../plan/check.ts'
import type { DimValues } from '../plan/dim.ts'
import type { Plan } from '../plan/plan.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import { messageOf, type Device } from './device.ts'
import { bindDims, type Inputs } from './dims.ts'
import { DeviceError, PlanError, RuntimeError, StateError } from './errors.ts'
import type { Frame } from './frame.ts'
import { createFrames } from './frames.ts'
import { loadHeld, makeHeld } from './once.ts'
import { createPersistent, type Persistent } from './persistent.ts'
import { compileKernels, type CompiledKernels } from './pipelines.ts'
import { createStopwatch, stepTimes, type StepTime } from './profile.ts'
import { checkRequirements } from './requirements.ts'
import { checkOutputsFinite, runFrame, type Outputs } from './run.ts'
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
  /** What the plan holds of the weights, by name, as `loadWeights` has left it. */
  readonly held: () => Outputs
  /** Throws an InputError naming the dimension that does not fit, and whatever the device reports, as a RuntimeError. */
  readonly run: (inputs: Inputs, options?: RunOptions) => Promise<Outputs>
  /** A run with the time of every step; throws a FeatureError where the device has no timestamp queries. */
  readonly profile: (inputs: Inputs, options?: RunOptions) => Promise<Profile>
  /** Frees what the session holds on the device, not the device; may be called again. */
  readonly dispose: () => void
}

/**
 * Checks the plan against the device, compiles its kernels and takes memory for its weights.
 * Throws a PlanError, FeatureError, LimitError, KernelError or OutOfMemoryError.
 */
export async function createSession(device: Device, plan: Plan): Promise<Session> {
  const { problems } = checkPlan(plan)
  if (problems.length > 0) throw new PlanError(problems)
  checkRequirements(plan.requires, device)
  checkDevice(device)
  const memory = createPersistent(device, plan)
  // looked at after the kernels
  memory.catch(() => {})
  const compiled = await compileKernels(device, plan.kernels).catch(async (error: unknown) => {
    await memory.then(({ destroy }) => destroy(), () => {})
    throw error
  })
  return serve(device, plan, compiled, await memory)
}

function checkDevice(device: Device): void {
  const error = device.lost() ?? device.takeError()
  if (error !== null) throw error
}

/** One at a time, in order, each told of what went wrong as a RuntimeError. */
function createTurns(device: Device, model: string, isDisposed: () => boolean): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  const disposed = (): StateError => new StateError(`the session of ${model} is disposed`)
  return (work) => {
    const turn = last.then(async () => {
      if (isDisposed()) throw disposed()
      checkDevice(device)
      try {
        return await work()
      } catch (error) {
        throw isDisposed() ? disposed() : typed(error)
      }
    })
    last = turn.catch(() => {})
    return turn
  }
}

/** Promises of the device reject with DOM exceptions; any other error is one of ours and stays as it is. */
function typed(error: unknown): unknown {
  const ofDevice = !(error instanceof RuntimeError) && /^(AbortError|OperationError|GPUPipelineError)$/.test((error as Error | null)?.name ?? '')
  return ofDevice ? new DeviceError('the device', messageOf(error)) : error
}

/** Callers may use their arrays again while a run waits for its turn. */
const copyInputs = (inputs: Inputs): Inputs =>
  Object.fromEntries(Object.entries(inputs).map(([name, { shape, data }]) => [name, { shape: [...shape], data: data.slice() }]))

function serve(device: Device, plan: Plan, compiled: CompiledKernels, memory: Persistent): Session {
  const frames = createFrames(device, plan, compiled, memory.parts)
  let disposed = false
  let loaded = plan.weights.length === 0
  let held: Outputs = {}
  const inTurn = createTurns(device, plan.model, () => disposed)

  const frameFor = (inputs: Inputs): Promise<Frame> => {
    if (!loaded) throw new StateError(`the weights of ${plan.model} are not loaded: call loadWeights first`)
    return frames.at(bindDims(plan, inputs))
  }

  const finish = (outputs: Outputs, { checkFinite = false }: RunOptions = {}): Outputs => {
    checkDevice(device)
    if (checkFinite) checkOutputsFinite(outputs)
    return outputs
  }

  const profile = async (inputs: Inputs, options?: RunOptions): Promise<Profile> => {
    const frame = await frameFor(inputs)
    const stopwatch = await createStopwatch(device, frame.steps.length)
    try {
      const outputs = finish(await runFrame(device, plan, frame, inputs, stopwatch), options)
      return { outputs, program: frame.program.name, dims: frame.values, steps: stepTimes(frame.steps, await stopwatch.read()) }
    } finally {
      stopwatch.destroy()
    }
  }

  return {
    plan,
    device,
    loadWeights: (checkpoint, options) => inTurn(async () => {
      const report = await loadWeights(device, plan, memory.parts, checkpoint, options)
      held = options?.held === undefined
        ? await makeHeld(device, plan, compiled, memory.parts)
        : await loadHeld(device, plan, memory.parts, options.held)
      loaded = true
      return report
    }),
    held: () => held,
    run: async (inputs, options) => {
      const copies = copyInputs(inputs)
      return inTurn(async () => finish(await runFrame(device, plan, await frameFor(copies), copies, null), options))
    },
    profile: async (inputs, options) => {
      const copies = copyInputs(inputs)
      return inTurn(() => profile(copies, options))
    },
    dispose: () => {
      if (disposed) return
      disposed = true
      frames.destroy()
      memory.destroy()
    },
  }
}
