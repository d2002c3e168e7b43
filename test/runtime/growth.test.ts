/**
 * Nothing stays of a run, a wait, a failure or a session that is disposed.
 * @module-tag long
 */
import { afterAll, describe, expect, test } from 'vitest'
import { createSession, createStore, memoryCheckpoint, openDevice, type Device } from '../../runtime/index.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'
import { growthOf } from '../support/heap.ts'
import type { CpuBuffer } from '../../runtime/cpu/buffers.ts'
import { openCpuDevice } from '../../runtime/node/threads.ts'
import { openAdapters } from '../support/devices.ts'
import { addPlan, addPlanFor, replacePlan, withOwnKernels } from './plans.ts'
import { wgslKernels } from '../support/wgsl.ts'

const MOST_BYTES = 50
const checkpoint = memoryCheckpoint({ w: { shape: [4], data: new Float32Array(4) } })
const rows = (count: number) => ({ x: { shape: [count, 4], data: new Float32Array(count * 4) } })

const adapters = await openAdapters(['swiftshader', 'lavapipe'])
afterAll(() => adapters.forEach((device) => device.dispose()))

/** A null adapter whose record is emptied after each repetition. */
async function nullDevice() {
  const fake = createNullAdapter({ features: ['timestamp-query'] })
  const device = await openDevice(fake.adapter)
  return {
    ...fake,
    device,
    growth: (count: number, work: (at: number) => unknown) =>
      growthOf(count, async (at) => {
        await work(at)
        ;(fake.log as unknown[]).length = 0
      }),
  }
}

async function openSession(device: Device) {
  const session = await createSession(device, addPlanFor(device))
  await session.loadWeights(checkpoint)
  return session
}

describe('on a device that computes nothing', () => {
  test('20,000 waits', async () => {
    const { device, growth } = await nullDevice()
    expect(await growth(20_000, (at) => device.wait(Promise.resolve(at)))).toBeLessThan(MOST_BYTES)
  })

  test('2,000 waits for what fails', async () => {
    const { device, growth } = await nullDevice()
    expect(await growth(2_000, (at) => device.wait(Promise.reject(new Error(`${at}`))).catch(() => {}))).toBeLessThan(MOST_BYTES)
  }, 120_000)

  test('20,000 runs, of ever other sizes too', async () => {
    const { device, growth, bytesHeld } = await nullDevice()
    const session = await openSession(device)
    expect(await growth(20_000, () => session.run(rows(2)))).toBeLessThan(MOST_BYTES)
    expect(await growth(5_000, (at) => session.run(rows(at % 1000)))).toBeLessThan(MOST_BYTES)
    session.dispose()
    expect(bytesHeld()).toBe(0)
  }, 120_000)

  test('5,000 refused inputs, runs with times, and loads', async () => {
    const { device, growth } = await nullDevice()
    const session = await openSession(device)
    expect(await growth(5_000, () => session.run({}).catch(() => {}))).toBeLessThan(MOST_BYTES)
    expect(await growth(5_000, () => session.profile(rows(1)))).toBeLessThan(MOST_BYTES)
    expect(await growth(5_000, () => session.loadWeights(checkpoint))).toBeLessThan(MOST_BYTES)
    expect(await growth(5_000, () => session.loadWeights(memoryCheckpoint({})).catch(() => {}))).toBeLessThan(MOST_BYTES)
  }, 120_000)

  test('2,000 sessions made and disposed, alone and in a store, each with a kernel of its own', async () => {
    const { device, growth, bytesHeld } = await nullDevice()
    const store = createStore(device)
    const open = async (at: number, shared: boolean) => {
      const plan = addPlan()
      const kernels = wgslKernels(plan).map((kernel) => ({ ...kernel, wgsl: `${kernel.wgsl}// ${at}\n`.repeat(10) }))
      const session = await createSession(device, { ...plan, kernels }, shared ? { store } : {})
      if (!shared) await session.loadWeights(checkpoint)
      await session.run(rows(1))
      session.dispose()
    }
    expect(await growth(2_000, (at) => open(at, false))).toBeLessThan(200)
    expect(await growth(2_000, (at) => open(at, true))).toBeLessThan(200)
    store.dispose()
    expect(bytesHeld()).toBe(0)
  }, 120_000)

  test('5,000 writes to a store, and values read back', async () => {
    const { device, growth } = await nullDevice()
    const store = createStore(device)
    await createSession(device, replacePlan(), { store })
    const w = { shape: [4], data: new Float32Array(4) }
    expect(await growth(5_000, () => store.write({ w }))).toBeLessThan(MOST_BYTES)
    expect(await growth(5_000, () => store.read())).toBeLessThan(MOST_BYTES)
    expect(await growth(5_000, () => store.write({ w: { shape: [5], data: new Float32Array(5) } }).catch(() => {}))).toBeLessThan(
      MOST_BYTES,
    )
  }, 120_000)

  test('a session or a store disposed while it takes memory leaves none behind', async () => {
    for (let ticks = 0; ticks < 60; ticks++) {
      const { device, bytesHeld } = await nullDevice()
      const session = await openSession(device)
      const run = session.run(rows(3)).catch(() => {})
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      session.dispose()
      await run
      expect(bytesHeld(), `after ${ticks} ticks`).toBe(0)
      const store = createStore(device)
      const write = store.write({ a: { shape: [4], data: new Float32Array(4) } }).catch(() => {})
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      store.dispose()
      await write
      expect(bytesHeld(), `a store, after ${ticks} ticks`).toBe(0)
    }
  })
})

describe.each(adapters.map((device) => [device.choice.name, device] as const))('on %s', (_, device) => {
  test('2,000 runs', async () => {
    const session = await openSession(device)
    // objects of the device's own are freed in their own time: more than that would be a reaction kept for each wait
    expect(await growthOf(2_000, () => session.run(rows(2)))).toBeLessThan(200)
    session.dispose()
  }, 180_000)
})

describe('on the cpu device', () => {
  const device = openCpuDevice({ threads: 2 })
  afterAll(() => device.dispose())

  test('4,000 runs, of ever other sizes too', async () => {
    const session = await openSession(device)
    expect(await growthOf(2_000, () => session.run(rows(2)))).toBeLessThan(200)
    expect(await growthOf(2_000, (at) => session.run(rows(at % 1000)))).toBeLessThan(200)
    session.dispose()
  }, 120_000)

  test('2,000 waits that succeed and that fail', async () => {
    const wait = (at: number) => device.wait(at % 2 === 0 ? Promise.resolve() : Promise.reject(new Error(`${at}`)))
    expect(await growthOf(2_000, (at) => wait(at).catch(() => {}))).toBeLessThan(MOST_BYTES)
  })

  test('600 sessions made and disposed, each with kernels of its own, keep neither kernels nor memory', async () => {
    const plan = addPlanFor(device)
    /** Behind all that is in use, since no gap has that size. */
    const addressOfLarge = async (): Promise<number> => {
      const buffer = await device.createStorage('large', 2 ** 24)
      buffer.destroy()
      return (buffer as CpuBuffer).address
    }
    const open = async (at: number) => {
      const session = await createSession(device, withOwnKernels(plan, `kernel ${at}`.repeat(5)))
      await session.loadWeights(checkpoint)
      await session.run(rows(1))
      session.dispose()
    }
    const before = await addressOfLarge()
    // V8 frees modules in its own time, and a session that is kept has kilobytes
    expect(await growthOf(600, open)).toBeLessThan(1000)
    // a table of each program alone would be more
    expect(await addressOfLarge()).toBeLessThan(before + 2 ** 16)
  }, 120_000)
})
