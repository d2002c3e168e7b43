/**
 * A device that goes at any moment: whatever is under way ends with a DeviceLostError within two seconds, or had ended well
 * before.
 */
import { describe, expect, test } from 'vitest'
import { trainingPlans } from '../../compiler/train.ts'
import { CPU, PORTABLE, type Target } from '../../plan/target.ts'
import { openDevice as openDawn } from '../../runtime/dawn/index.ts'
import { openCpuDevice } from '../../runtime/node/threads.ts'
import { createSession, createStore, DeviceLostError, memoryCheckpoint, openDevice, type Device } from '../../runtime/index.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'
import { createDeviceMachine, type MachinePlans } from '../../training/device-machine.ts'
import { initialise } from '../../training/initialise.ts'
import { train } from '../../training/loop.ts'
import { graphsOf } from '../bindings/tiny.ts'
import { uniform } from '../support/random.ts'
import { trainedSpec } from '../support/trained-spec.ts'
import { addPlanFor } from './plans.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'

const WITHIN_MS = 2000
const checkpoint = memoryCheckpoint({ w: { shape: [4], data: new Float32Array(4) } })
const rows = (count: number) => ({ x: { shape: [count, 4], data: new Float32Array(count * 4) } })

const graphs = graphsOf({ path: 'tiny.smoe', text: trainedSpec(4) })
const kept = new Map<string, unknown>()
const once = <T>(key: string, make: () => T): T => {
  const value = kept.get(key) ?? make()
  kept.set(key, value)
  return value as T
}
const { recipe } = graphs
/** The plans for a target, each compiled once for all tests. */
function plansFor(target: Target): MachinePlans {
  const compiled = trainingPlans(graphs, target)
  const { runs } = target
  return {
    ...compiled,
    step: (chosen, isFirst) => once(`${runs} step ${chosen.join()} ${isFirst}`, () => compiled.step(chosen, isFirst)),
    update: (updated) => once(`${runs} update`, () => compiled.update(updated)),
    evaluation: () => once(`${runs} evaluation`, () => compiled.evaluation()),
  }
}
const plans = { webgpu: plansFor(PORTABLE), cpu: plansFor(CPU) }
const data = {
  kind: 'stream',
  name: 'noise',
  tokens: Int32Array.from({ length: 400 }, (_, at) => (at * 7) % 11),
  vocabulary: null,
} as const

async function load(device: Device): Promise<unknown> {
  const session = await createSession(device, addPlanFor(device))
  return await session.loadWeights(checkpoint)
}

/** Each is asked of an open device and is under way when it goes. */
const WORK: Readonly<Record<string, (device: Device) => Promise<unknown>>> = {
  load,
  run: async (device) => {
    const session = await createSession(device, addPlanFor(device))
    await session.loadWeights(checkpoint)
    const ended = await Promise.allSettled([
      session.run(rows(1)),
      session.run(rows(300)),
      session.run(rows(2)),
      session.loadWeights(checkpoint),
      session.run(rows(5)),
    ])
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  },
  read: async (device) => {
    const store = createStore(device)
    await store.write({ a: { shape: [64], data: new Float32Array(64) }, b: { shape: [4], data: new Float32Array(4) } })
    await Promise.all([store.read(), store.read(['a']), store.write({ a: { shape: [64], data: new Float32Array(64) } })])
  },
  train: async (device) => {
    const machine = createDeviceMachine(device, plans[device.target.runs])
    for await (const event of train({ recipe, machine, training: data, validateEvery: 2, validateBatches: 1, saveEvery: 1 }))
      if (event.kind === 'checkpoint') await machine.read()
  },
  checkpoint: async (device) => {
    const machine = createDeviceMachine(device, plans[device.target.runs])
    await machine.write(initialise(recipe))
    await machine.read()
  },
}

/** Loses the device after `wait` while the work is under way. What became of it: lost, or done before. */
async function lose(
  work: (device: Device) => Promise<unknown>,
  device: Device,
  go: () => void,
  wait: () => Promise<unknown>,
): Promise<'lost' | 'done'> {
  let begun = 0
  const ended = work(device).then(
    () => 'done' as const,
    (error: unknown) => {
      if (!(error instanceof DeviceLostError)) throw error
      return 'lost' as const
    },
  )
  void wait().then(() => {
    begun = performance.now()
    go()
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const look = (): void => {
      if (begun > 0 && performance.now() - begun > WITHIN_MS) reject(new Error(`nothing came within ${WITHIN_MS} ms of the loss`))
      else timer = setTimeout(look, 20)
    }
    look()
  })
  try {
    return await Promise.race([ended, late])
  } finally {
    clearTimeout(timer)
  }
}

const seed = Math.floor(Math.random() * 2 ** 31)

const ticks = (count: number) => async (): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await Promise.resolve()
}

const FEW = inRun({ short: 4, long: 12, whole: 12 })
const MOMENTS = inRun({ short: 40, long: 200, whole: 200 })

describe(`with seed ${seed}`, () => {
  test.each(Object.entries(WORK))(
    `on a device that computes nothing, %s ends at each of ${MOMENTS} moments`,
    { ...MORE_IN_LONG, timeout: 300_000 },
    async (name, work) => {
      const next = uniform(seed)
      // moments are counted in turns of the queue of promises
      let all = 0
      let isOver = false
      const counting = (async () => {
        while (!isOver) {
          all++
          await Promise.resolve()
        }
      })()
      await work(await openDevice(createNullAdapter().adapter))
      isOver = true
      await counting
      const ended: string[] = []
      for (let at = 0; at < MOMENTS; at++) {
        const { adapter, lose: go } = createNullAdapter()
        const device = await openDevice(adapter)
        const moment = Math.floor(next() * all)
        ended.push(
          await lose(work, device, () => go(`at ${moment}`), ticks(moment)).catch((error: unknown) => {
            throw new Error(`${name}, seed ${seed}, moment ${moment} of ${all}`, { cause: error })
          }),
        )
        // afterwards all ends at once
        if (ended.at(-1) === 'lost') await expect(createSession(device, addPlanFor(device))).rejects.toThrow(DeviceLostError)
      }
      expect(ended.filter((end) => end === 'lost').length, `${name}, seed ${seed}`).toBeGreaterThan(MOMENTS / 2)
    },
  )

  /** Loses the device at some moments of the time that the work takes. */
  async function loseOften(name: string, work: (device: Device) => Promise<unknown>, open: () => Promise<Device>) {
    const next = uniform(seed + 1)
    const whole = await open()
    const start = performance.now()
    await work(whole)
    const took = performance.now() - start
    whole.dispose()
    for (let at = 0; at < FEW; at++) {
      const device = await open()
      const moment = next() * took
      await lose(
        work,
        device,
        () => device.dispose(),
        () => new Promise((resolve) => setTimeout(resolve, moment)),
      ).catch((error: unknown) => {
        throw new Error(`${name}, seed ${seed}, ${moment} ms of ${took}`, { cause: error })
      })
      device.dispose()
    }
  }

  // steps of training compile too long there to be lost often: a run, a load and a read wait for all that a step waits for
  test.each(Object.entries(WORK).filter(([name]) => name !== 'train'))(
    `on SwiftShader, %s ends at each of ${FEW} moments`,
    { ...MORE_IN_LONG, timeout: 300_000 },
    (name, work) => loseOften(name, work, () => openDawn({ choose: 'swiftshader' })),
  )

  test.each(Object.entries(WORK))(
    `on the cpu device, %s ends at each of ${FEW} moments`,
    { ...MORE_IN_LONG, timeout: 300_000 },
    (name, work) => loseOften(name, work, async () => openCpuDevice({ threads: 2 })),
  )
})
