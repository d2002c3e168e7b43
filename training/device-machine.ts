/** A machine on a device: sessions that share one store, each created on the first use of its plan. */
import type { Plan } from '../plan/plan.ts'
import type { TrainingPrograms } from '../plan/training-programs.ts'
import { bucketWeights } from '../plan/update.ts'
import type { Device } from '../runtime/device.ts'
import type { DispatchTime } from '../runtime/profile.ts'
import { createSession, type Session, type SessionOptions } from '../runtime/session.ts'
import { createStore } from '../runtime/store.ts'
import { elementCount, type HostData } from '../runtime/tensors.ts'
import { createLruCache } from './lru-cache.ts'
import type { BatchInputs, State } from './machine.ts'
import { createProgramMachine, MAX_PROGRAMS, type Executor, type ProgramMachine } from './program-machine.ts'

/** The plans of a training run. */
export type MachinePlans = TrainingPrograms<Plan>

export interface DeviceMachine extends ProgramMachine<HostData> {
  /**
   * Times the dispatches of the next step, all its micro-batches and its update. Does nothing if the device has no timestamp
   * queries.
   */
  readonly timeNext: () => void
  /** The times of the last timed step, in execution order; null before there is one. */
  readonly times: () => readonly DispatchTime[] | null
  /** Frees its device memory, but not the device. */
  readonly dispose: () => void
}

const declaredBy = (plan: Plan, inputs: BatchInputs): BatchInputs =>
  Object.fromEntries(plan.inputs.flatMap(({ name }) => (Object.hasOwn(inputs, name) ? [[name, inputs[name]]] : [])))

const asF32 = (tensors: State): Readonly<Record<string, HostData>> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { shape, data: Float32Array.from(data as ArrayLike<number>) },
    ]),
  )

/**
 * `onCompile` is called while the kernels of a plan compile, on its first use, which throws what `createSession` throws and what
 * the functions in `plans` throw.
 */
export function createDeviceMachine(
  device: Device,
  plans: MachinePlans,
  { onCompile }: Pick<SessionOptions, 'onCompile'> = {},
): DeviceMachine {
  const { maxBindingBytes, maxBufferBytes } = device.target
  const maxElements = Math.floor(Math.min(maxBindingBytes, maxBufferBytes) / 4)
  const { updated, buckets } = bucketWeights(plans.recipe, maxElements, plans.f16Weights)
  const store = createStore(device, { buckets })
  const disposeOf = (session: Promise<Session>): void =>
    void session.then(
      (one) => one.dispose(),
      () => {},
    )
  const sessions = createLruCache<Promise<Session>>(MAX_PROGRAMS, disposeOf)
  const formats = new Map(plans.recipe.weights.flatMap(({ name, format }) => (format === undefined ? [] : [[name, format]])))
  let isBetweenSteps = true
  let isTiming = false
  let current: readonly DispatchTime[] = []
  let timed: readonly DispatchTime[] | null = null

  const sessionOf = (key: string, make: () => Plan): Promise<Session> =>
    sessions.at(key, () => {
      const session = createSession(device, make(), { store, onCompile })
      // an allocation that failed once may succeed the next time
      session.catch(() => sessions.forget(key))
      return session
    })

  const executor: Executor<Plan, HostData> = {
    adapter: device.choice.name,
    run: async ({ kind, key, make, inputs }) => {
      const session = await sessionOf(key, make)
      const { outputs } = session.plan
      const declared = declaredBy(session.plan, inputs)
      if (!isTiming || (kind !== 'step' && kind !== 'update')) return { outputs, values: await session.run(declared) }
      const { outputs: values, dispatches } = await session.profile(declared)
      current = [...current, ...dispatches]
      return { outputs, values }
    },
    has: (name) => store.names().includes(name),
    read: store.read,
    write: (tensors) => store.write(asF32(tensors), formats),
    zeros: (shape) => ({ shape, data: new Float32Array(elementCount(shape)) }),
  }
  const machine = createProgramMachine(plans, executor, updated)

  return {
    ...machine,
    timeNext: () => {
      isTiming = isBetweenSteps && device.target.features.includes('timestamp-query')
      current = []
    },
    times: () => timed,
    step: async (competing, inputs) => {
      const metrics = await machine.step(competing, inputs)
      isBetweenSteps = false
      return metrics
    },
    update: async (scalars) => {
      const result = await machine.update(scalars)
      isBetweenSteps = true
      if (isTiming) timed = current
      isTiming = false
      return result
    },
    dispose: () => {
      sessions.clear()
      store.dispose()
    },
  }
}
