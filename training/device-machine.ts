/** A machine that is a device: plans in sessions that share one store, each made when it is first asked for. */
import type { Plan } from '../plan/plan.ts'
import type { Recipe } from '../plan/recipe.ts'
import { own } from '../plan/table.ts'
import { bucketWeights, optimizerStateNames, updateInputs, type UpdatedTensor } from '../plan/update.ts'
import type { Device } from '../runtime/device.ts'
import { recordOf } from '../runtime/routing/tensors.ts'
import type { Inputs } from '../runtime/dims.ts'
import type { Outputs } from '../runtime/run.ts'
import type { DispatchTime } from '../runtime/profile.ts'
import { createSession, type Session, type SessionOptions } from '../runtime/session.ts'
import { createStore } from '../runtime/store.ts'
import { elementCount, type HostData } from '../runtime/tensors.ts'
import type { BatchMetrics, BatchInputs, Machine } from './machine.ts'
import { createLruCache } from './lru-cache.ts'

/** What training runs; made by the compiler, or before it all and carried along. */
export interface MachinePlans {
  readonly recipe: Recipe
  /** `chosen` lists the layers that compete; the gradients of the first micro-batch of a step stand alone. */
  readonly step: (chosen: readonly string[], isFirst: boolean) => Plan
  /** Weights of which products read a rounded copy; none in f32. */
  readonly f16Weights: ReadonlySet<string>
  readonly update: (updated: readonly UpdatedTensor[]) => Plan
  /** Makes the rounded copies anew. */
  readonly f16Copies: (updated: readonly UpdatedTensor[]) => Plan
  readonly evaluation: () => Plan
}

export interface DeviceMachine extends Machine {
  /**
   * Times the dispatches of the next step, all its micro-batches, and of its update; does nothing where the device has no clock.
   */
  readonly timeNext: () => void
  /** Of the last step that was timed, in the order of the run; null before there is one. */
  readonly times: () => readonly DispatchTime[] | null
  readonly read: (names?: readonly string[]) => Promise<Readonly<Record<string, HostData>>>
  /** Frees what it holds on the device, not the device. */
  readonly dispose: () => void
}

const numbersOf = (outputs: Outputs, prefix: string): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(outputs).flatMap(([name, { data }]) => (name.startsWith(prefix) ? [[name, data[0]]] : [])))

const only = (plan: Plan, inputs: BatchInputs): BatchInputs =>
  Object.fromEntries(plan.inputs.flatMap(({ name }) => (Object.hasOwn(inputs, name) ? [[name, inputs[name]]] : [])))

const scalar = (value: number): HostData => ({ shape: [], data: Float32Array.of(value) })

/** Weights and what the optimiser remembers of them, by name. */
function shapesOf(recipe: Recipe): ReadonlyMap<string, readonly number[]> {
  const remembered = recipe.weights.flatMap((weight) =>
    optimizerStateNames({ ...recipe, weights: [weight] }).map((name) => [name, weight.shape] as const),
  )
  return new Map([...recipe.weights.map(({ name, shape }) => [name, shape] as const), ...remembered])
}

const zeros = (shape: readonly number[]): HostData => ({ shape, data: new Float32Array(elementCount(shape)) })

/** Each set of competing layers has its own plan for a step; there may be more sets than fit in memory. */
export const MOST_SESSIONS = 32

/** What a run told: by the recipe's names, and the decisions of its layers. */
function batchMetricsOf({ layers }: Recipe, outputs: Outputs): BatchMetrics {
  const told = layers.filter(({ selected }) => selected in outputs)
  const routes = told.map(({ layer, experts, selected, weights }) => ({ layer, experts, selected, weights, spilled: null }))
  return {
    losses: numbersOf(outputs, 'loss.'),
    metrics: numbersOf(outputs, 'metric.'),
    routes: told.length === 0 ? null : recordOf(routes, outputs),
  }
}

/**
 * `onCompile` is called while the kernels of a plan compile, on its first use, which throws what `createSession` throws and what
 * the functions in `plans` throw.
 */
export function createDeviceMachine(
  device: Device,
  plans: MachinePlans,
  { onCompile }: Pick<SessionOptions, 'onCompile'> = {},
): DeviceMachine {
  const { recipe } = plans
  const { maxBindingBytes, maxBufferBytes } = device.target
  const { updated, buckets } = bucketWeights(recipe, Math.floor(Math.min(maxBindingBytes, maxBufferBytes) / 4), plans.f16Weights)
  const store = createStore(device, { buckets })
  const sessions = createLruCache<Promise<Session>>(
    MOST_SESSIONS,
    (session) =>
      void session.then(
        (one) => one.dispose(),
        () => {},
      ),
  )
  const shapes = shapesOf(recipe)
  let isFirst = true
  let wantsTimes = false
  let taken: readonly DispatchTime[] = []
  let timed: readonly DispatchTime[] | null = null

  const sessionOf = (key: string, make: () => Plan): Promise<Session> =>
    sessions.at(key, () => {
      const session = createSession(device, make(), { store, onCompile })
      // an allocation that failed once may succeed the next time
      session.catch(() => sessions.forget(key))
      return session
    })
  const stepSession = (chosen: readonly string[], first: boolean): Promise<Session> =>
    sessionOf(`${first ? 'first' : 'later'} ${chosen.join(' ')}`, () => plans.step(chosen, first))

  /** A run, with a look at the clock where one was asked for. */
  const runOnce = async (session: Session, inputs: Inputs): Promise<Outputs> => {
    if (!wantsTimes) return session.run(inputs)
    const { outputs, dispatches: steps } = await session.profile(inputs)
    taken = [...taken, ...steps]
    return outputs
  }

  return {
    adapter: device.choice.name,
    timeNext: () => {
      wantsTimes = isFirst && device.gpu.features.has('timestamp-query')
      taken = []
    },
    times: () => timed,
    step: async (chosen, inputs) => {
      const session = await stepSession(chosen, isFirst)
      const outputs = await runOnce(session, only(session.plan, inputs))
      isFirst = false
      return batchMetricsOf(recipe, outputs)
    },
    update: async ({ learningRate: rate, update, lossScale: scale }) => {
      const session = await sessionOf('update', () => plans.update(updated))
      const inputs = Object.fromEntries(
        Object.entries(updateInputs(recipe, rate, update, scale)).map(([name, value]) => [name, scalar(value)]),
      )
      const { norm } = await runOnce(session, inputs)
      isFirst = true
      if (wantsTimes) timed = taken
      wantsTimes = false
      return { norm: norm.data[0] }
    },
    evaluate: async (inputs) => {
      const session = await sessionOf('evaluation', plans.evaluation)
      return batchMetricsOf(recipe, await session.run(only(session.plan, inputs)))
    },
    read: async (names = [...shapes.keys()]) => {
      const there = new Set(store.names())
      const values = await store.read(names.filter((name) => there.has(name) || !shapes.has(name)))
      // in the order asked for; what was never written is zero, also where no plan has asked for it yet
      return Object.fromEntries(names.map((name) => [name, own(values, name) ?? zeros(shapes.get(name)!)]))
    },
    write: async (tensors) => {
      await store.write(
        Object.fromEntries(
          Object.entries(tensors).map(([name, { shape, data }]) => [
            name,
            { shape, data: Float32Array.from(data as ArrayLike<number>) },
          ]),
        ),
      )
      if (Object.keys(tensors).some((name) => plans.f16Weights.has(name)))
        await (await sessionOf('f16 copies', () => plans.f16Copies(updated))).run({})
    },
    dispose: () => {
      sessions.clear()
      store.dispose()
    },
  }
}
