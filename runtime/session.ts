import { callable, checkedAsync, flag, options, readable, record } from '../plan/arguments.ts'
import { checkPlan } from '../plan/check.ts'
import type { DimValues } from '../plan/dim.ts'
import type { Plan } from '../plan/plan.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import type { Device } from './device.ts'
import { bindDims, checkTensor, type Inputs } from './dims.ts'
import { PlanError, StateError } from './errors.ts'
import { checkFinite as refuseNonFinite } from './finite.ts'
import { CHECKPOINT } from './forms.ts'
import type { Frame, Ground } from './frame.ts'
import { createFrames } from './frames.ts'
import { loadHeld, makeHeld } from './once.ts'
import { createPersistent, type Persistent } from './persistent.ts'
import type { CompiledKernels, CompileProgress } from './pipelines.ts'
import { createStopwatch, stepTimes, type StepTime } from './profile.ts'
import { checkRequirements } from './requirements.ts'
import { runFrame, type Outputs } from './run.ts'
import { createStore, type Store } from './store.ts'
import { checkDevice } from './turns.ts'
import { loadWeights, type LoadOptions, type LoadReport } from './weights/load.ts'

export interface RunOptions {
  /** Throw a NotFiniteError for outputs with NaN or infinite values. By default they are returned, and `findNonFinite` finds their rows. */
  readonly checkFinite?: boolean
}

export interface Profile {
  readonly outputs: Outputs
  readonly program: string
  readonly dims: DimValues
  /** In the order in which they ran. */
  readonly steps: readonly StepTime[]
}

/** A plan on a device. Calls are served one after the other, in the order they came; so are those of sessions that share a store. */
export interface Session {
  readonly plan: Plan
  readonly device: Device
  /** Where its weights are: the one it was given, or one of its own. */
  readonly store: Store
  /** Streams every weight of the plan from a checkpoint into the device. Throws a WeightError with every misfit at once. */
  readonly loadWeights: (checkpoint: Checkpoint, options?: LoadOptions) => Promise<LoadReport>
  /** What the plan holds of the weights, by name, as `loadWeights` has left it. */
  readonly held: () => Outputs
  /** Throws an InputError naming the dimension that does not fit, and whatever the device reports, as a RuntimeError. */
  readonly run: (inputs: Inputs, options?: RunOptions) => Promise<Outputs>
  /** A run with the time of every step; throws a FeatureError where the device has no timestamp queries. */
  readonly profile: (inputs: Inputs, options?: RunOptions) => Promise<Profile>
  /** Frees what the session holds on the device, not the device and not a store it was given; may be called again. */
  readonly dispose: () => void
}

export interface SessionOptions {
  /** Where the weights are, for several sessions; those of the plan that are not there come to be. Nothing needs loading then. */
  readonly store?: Store
  /** Called while kernels compile; an error that it throws aborts `createSession`. */
  readonly onCompile?: CompileProgress
}

/**
 * Checks the plan against the device, compiles its kernels and takes memory for its weights.
 * Throws a PlanError, FeatureError, LimitError, KernelError, OutOfMemoryError, or a StoreError where the store has a weight in another form.
 */
export async function createSession(device: Device, plan: Plan, { store, onCompile }: SessionOptions = {}): Promise<Session> {
  const { problems } = checkPlan(plan)
  if (problems.length > 0) throw new PlanError(problems)
  if (store !== undefined) checkShared(device, plan, store)
  checkRequirements(plan.requires, device)
  checkDevice(device)
  const weights = store ?? createStore(device)
  const memory = takeMemory(device, plan, weights)
  // looked at after the kernels
  memory.catch(() => {})
  try {
    const compiled = await weights.ground.compiler.compile(plan.kernels, onCompile).catch(async (error: unknown) => {
      await memory.then(
        ({ destroy }) => destroy(),
        () => {},
      )
      throw error
    })
    const taken = await memory.catch((error: unknown) => {
      weights.ground.compiler.release(plan.kernels)
      throw error
    })
    return serve({ device, plan, compiled, store: weights, isShared: store !== undefined, memory: taken })
  } catch (error) {
    if (store === undefined) weights.dispose()
    throw error
  }
}

const takeMemory = async (device: Device, plan: Plan, { ground }: Store): Promise<Persistent> =>
  createPersistent(device, plan, await ground.take(plan))

function checkShared(device: Device, plan: Plan, store: Store): void {
  const ended = store.ground.ended()
  if (ended !== null) throw ended
  if (store.device !== device)
    throw new StateError(`the store is on ${store.device.choice.name}, another device than that of the session of ${plan.model}`)
  if (plan.once !== null)
    throw new StateError(
      `the plan of ${plan.model} holds values of its weights, which others may replace: compile it for shared weights`,
    )
}

const RUN = { inputs: record(readable), options: options({ checkFinite: flag }) }
const LOAD_OPTIONS = options({ allowExtra: flag, checkFinite: flag, onProgress: callable, held: CHECKPOINT })

/** Callers may use their arrays again while a run waits for its turn. */
const copyInputs = (inputs: Inputs): Inputs =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, given]) => {
      const { shape, data } = checkTensor(name, given)
      // a detached buffer has no values to copy and is reported below
      return [name, { shape: [...shape], data: data.length === 0 ? data : data.slice() }]
    }),
  )

interface Serving {
  readonly device: Device
  readonly plan: Plan
  readonly compiled: CompiledKernels
  readonly store: Store
  readonly isShared: boolean
  readonly memory: Persistent
}

function serve({ device, plan, compiled, store, isShared, memory }: Serving): Session {
  const ground: Ground = { device, plan, compiled, persistent: memory.parts, slots: store.ground.slots }
  const frames = createFrames(ground)
  let disposed = false
  let loaded = isShared || plan.weights.every(({ pieces }) => pieces.length === 0)
  let held: Outputs = {}
  const ended = (): StateError | null =>
    disposed ? new StateError(`the session of ${plan.model} is disposed`) : store.ground.ended()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => store.ground.turns(work, ended)

  const frameFor = (inputs: Inputs): Promise<Frame> => {
    if (!loaded) throw new StateError(`the weights of ${plan.model} are not loaded: call loadWeights first`)
    return frames.at(bindDims(plan, inputs))
  }

  const finish = (outputs: Outputs, { checkFinite = false }: RunOptions = {}): Outputs => {
    checkDevice(device)
    if (checkFinite) refuseNonFinite(outputs)
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
    store,
    loadWeights: checkedAsync(
      'loadWeights',
      { checkpoint: CHECKPOINT, options: LOAD_OPTIONS },
      (checkpoint: Checkpoint, options?: LoadOptions) =>
        inTurn(async () => {
          const report = await loadWeights(device, plan, memory.parts, checkpoint, options)
          held = options?.held === undefined ? await makeHeld(ground) : await loadHeld(ground, options.held)
          loaded = true
          return report
        }),
    ),
    held: () => held,
    run: checkedAsync('run', RUN, async (inputs: Inputs, options?: RunOptions) => {
      const copies = copyInputs(inputs)
      return inTurn(async () => finish(await runFrame(device, plan, await frameFor(copies), copies, null), options))
    }),
    profile: checkedAsync('profile', RUN, async (inputs: Inputs, options?: RunOptions) => {
      const copies = copyInputs(inputs)
      return inTurn(() => profile(copies, options))
    }),
    dispose: () => {
      if (disposed) return
      disposed = true
      frames.destroy()
      memory.destroy()
      store.ground.compiler.release(plan.kernels)
      if (!isShared) store.dispose()
    },
  }
}
