/** A session: a compiled plan on a device. */
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
import type { ExecutionInstance, SharedResources } from './instance.ts'
import { createInstanceCache } from './instance-cache.ts'
import { restoreLoadTimeConstants, computeLoadTimeConstants } from './load-time-constants.ts'
import { createPersistent, type Persistent } from './persistent.ts'
import type { CompiledKernels, CompileProgress } from './kernel-cache.ts'
import { dispatchTimes, type DispatchTime } from './profile.ts'
import { checkRequirements } from './requirements.ts'
import { runInstance, type Outputs } from './run.ts'
import { createStore, type Store } from './store.ts'
import { checkDevice } from './queue-lock.ts'
import { loadWeights, type LoadOptions, type LoadReport } from './weights/load.ts'

export interface RunOptions {
  /** Throw a NotFiniteError for NaN and infinite outputs. By default they are returned; `findNonFinite` finds their rows. */
  readonly checkFinite?: boolean
}

export interface Profile {
  readonly outputs: Outputs
  readonly program: string
  readonly dims: DimValues
  /** In execution order. */
  readonly dispatches: readonly DispatchTime[]
}

/** A compiled plan on a device. Calls are queued in order, together with those of other sessions of its store. */
export interface Session {
  readonly plan: Plan
  readonly device: Device
  /** The store of its weights: the given one, or its own. */
  readonly store: Store
  /** Streams all weights of the plan from a checkpoint to the device. Throws a WeightError with all problems at once. */
  readonly loadWeights: (checkpoint: Checkpoint, options?: LoadOptions) => Promise<LoadReport>
  /** The load-time constants of the plan, by name, as `loadWeights` computed or read them. */
  readonly held: () => Outputs
  /**
   * Runs the program for the dims of the inputs. Throws an InputError with the dimension at fault; errors of the device are
   * RuntimeErrors.
   */
  readonly run: (inputs: Inputs, options?: RunOptions) => Promise<Outputs>
  /** A run with the device time of each dispatch. Throws a FeatureError if the device has no timestamp queries. */
  readonly profile: (inputs: Inputs, options?: RunOptions) => Promise<Profile>
  /** Frees the device memory of the session, but not the device or a given store. Further calls do nothing. */
  readonly dispose: () => void
}

export interface SessionOptions {
  /** A store that several sessions share. Weights that it lacks are created, as zeros; `loadWeights` is not required. */
  readonly store?: Store
  /** Called while kernels compile; an error that it throws aborts `createSession`. */
  readonly onCompile?: CompileProgress
}

/**
 * Checks the plan against the device, compiles its kernels and allocates its weights. Throws a PlanError, FeatureError,
 * LimitError, KernelError or OutOfMemoryError, or a StoreError if the store has a weight in another shape, dtype or layout.
 */
export async function createSession(device: Device, plan: Plan, { store, onCompile }: SessionOptions = {}): Promise<Session> {
  const { problems } = checkPlan(plan)
  if (problems.length > 0) throw new PlanError(problems)
  if (store !== undefined) checkStore(device, plan, store)
  checkRequirements(plan, device)
  checkDevice(device)
  const weights = store ?? createStore(device)
  const memory = allocatePersistent(device, plan, weights)
  // its rejection is handled after the compilation
  memory.catch(() => {})
  try {
    const compiled = await weights.resources.compiler.compile(plan.kernels, onCompile).catch(async (error: unknown) => {
      await memory.then(
        ({ destroy }) => destroy(),
        () => {},
      )
      throw error
    })
    const allocated = await memory.catch((error: unknown) => {
      weights.resources.compiler.release(plan.kernels)
      throw error
    })
    return buildSession({ device, plan, compiled, store: weights, isShared: store !== undefined, memory: allocated })
  } catch (error) {
    if (store === undefined) weights.dispose()
    throw error
  }
}

const allocatePersistent = async (device: Device, plan: Plan, { resources: resources }: Store): Promise<Persistent> =>
  createPersistent(device, plan, await resources.allocate(plan))

function checkStore(device: Device, plan: Plan, store: Store): void {
  const ended = store.resources.disposedError()
  if (ended !== null) throw ended
  if (store.device !== device)
    throw new StateError(`the store is on ${store.device.choice.name}, the session of ${plan.model} on another device`)
  if (plan.once !== null)
    throw new StateError(
      `the plan of ${plan.model} has load-time constants, but other sessions may replace weights of a shared store: compile it with shared weights`,
    )
}

const RUN = { inputs: record(readable), options: options({ checkFinite: flag }) }
const LOAD_OPTIONS = options({ allowExtra: flag, checkFinite: flag, onProgress: callable, held: CHECKPOINT })

/** Callers may reuse their arrays while a run is queued. */
const copyInputs = (inputs: Inputs): Inputs =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, given]) => {
      const { shape, data } = checkTensor(name, given)
      // a detached buffer has no values; it is reported later
      return [name, { shape: [...shape], data: data.length === 0 ? data : data.slice() }]
    }),
  )

interface SessionParts {
  readonly device: Device
  readonly plan: Plan
  readonly compiled: CompiledKernels
  readonly store: Store
  readonly isShared: boolean
  readonly memory: Persistent
}

function buildSession({ device, plan, compiled, store, isShared, memory }: SessionParts): Session {
  const resources: SharedResources = { device, plan, compiled, persistent: memory.parts, slots: store.resources.slots }
  const instances = createInstanceCache(resources)
  let disposed = false
  let loaded = isShared || plan.weights.every(({ pieces }) => pieces.length === 0)
  let held: Outputs = {}
  const ended = (): StateError | null =>
    disposed ? new StateError(`the session of ${plan.model} is disposed`) : store.resources.disposedError()
  const locked = <T>(work: () => Promise<T>): Promise<T> => store.resources.lock(work, ended)

  const instanceFor = (inputs: Inputs): Promise<ExecutionInstance> => {
    if (!loaded) throw new StateError(`the weights of ${plan.model} are not loaded: call loadWeights first`)
    return instances.at(bindDims(plan, inputs))
  }

  const checkOutputs = (outputs: Outputs, { checkFinite = false }: RunOptions = {}): Outputs => {
    checkDevice(device)
    if (checkFinite) refuseNonFinite(outputs)
    return outputs
  }

  const profile = async (inputs: Inputs, options?: RunOptions): Promise<Profile> => {
    const instance = await instanceFor(inputs)
    const { outputs, nanoseconds } = await runInstance(instance, inputs, true)
    return {
      outputs: checkOutputs(outputs, options),
      program: instance.program.name,
      dims: instance.values,
      dispatches: dispatchTimes(instance.dispatches, nanoseconds!),
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
        locked(async () => {
          const report = await loadWeights(device, plan, memory.parts, checkpoint, options)
          held =
            options?.held === undefined
              ? await computeLoadTimeConstants(resources)
              : await restoreLoadTimeConstants(resources, options.held)
          loaded = true
          return report
        }),
    ),
    held: () => held,
    run: checkedAsync('run', RUN, async (inputs: Inputs, options?: RunOptions) => {
      const copies = copyInputs(inputs)
      return locked(async () => checkOutputs((await runInstance(await instanceFor(copies), copies)).outputs, options))
    }),
    profile: checkedAsync('profile', RUN, async (inputs: Inputs, options?: RunOptions) => {
      const copies = copyInputs(inputs)
      return locked(() => profile(copies, options))
    }),
    dispose: () => {
      if (disposed) return
      disposed = true
      instances.destroy()
      memory.destroy()
      store.resources.compiler.release(plan.kernels)
      if (!isShared) store.dispose()
    },
  }
}
