/** Weights that sessions share: what one writes, another reads; on adapters that compute nothing and on software ones. */
import { afterAll, describe, expect, test } from 'vitest'
import { createNullAdapter, type NullOptions } from '../../runtime/null/adapter.ts'
import { createSession, LimitError, memoryCheckpoint, openDevice, OutOfMemoryError, StateError } from '../../runtime/index.ts'
import { StoreError } from '../../runtime/errors.ts'
import { createStore, type StoreOptions } from '../../runtime/store.ts'
import type { Plan } from '../../plan/plan.ts'
import { openAdapters } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { addPlan, buffer, elementwise, f32, port, replacePlan } from './plans.ts'

const rows = (count: number) => ({ x: { shape: [count, 4], data: new Float32Array(count * 4) } })
const host = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })
const bundle = (name: string, ...members: string[]) => ({
  name,
  dtype: 'f32' as const,
  elements: 1024,
  members: members.map((member, at) => ({ name: member, shape: [4], at: at * 64 })),
})

describe('on an adapter that computes nothing', () => {
  const open = async (options: NullOptions = {}, ofStore: StoreOptions = {}) => {
    const fake = createNullAdapter(options)
    const device = await openDevice(fake.adapter)
    return {
      ...fake,
      device,
      store: createStore(device, ofStore),
      calls: (call: string) => fake.log.filter(([name]) => name === call).length,
    }
  }

  test('weights come to be when they are written or a session names them, and are zeros until written', async () => {
    const { device, store } = await open()
    expect(store.names()).toEqual([])
    await store.write({ s: host(1, 2, 3, 4) })
    const session = await createSession(device, replacePlan(), { store })
    expect(store.names()).toEqual(['s', 'w'])
    expect(await store.read()).toEqual({ s: host(1, 2, 3, 4), w: host(0, 0, 0, 0) })
    expect(await session.store.read(['w'])).toEqual({ w: host(0, 0, 0, 0) })
  })

  test.each([
    ['bf16', 1 / 3, 0.333984375],
    ['f16', 1 / 3, 0.333251953125],
  ] as const)('numbers are written as %s, rounded to it, also an odd number of them', async (format, value, kept) => {
    const { store } = await open()
    const formats = new Map([['half', format]])
    await store.write({ half: host(1, -2, value), full: host(value) }, formats)
    const asF32 = (number: number): number => Math.fround(number)
    expect(await store.read()).toEqual({ half: host(1, -2, kept), full: host(asF32(value)) })
    await store.write({ half: host(4, 5, 6) }, formats)
    expect((await store.read(['half'])).half).toEqual(host(4, 5, 6))
    await expect(store.write({ half: host(4, 5, 6) })).rejects.toThrow(`as ${format} in the store, the written tensor has f32[3]`)
  })

  test('kernels that were compiled for one session serve the others', async () => {
    const { device, store, calls } = await open()
    await createSession(device, replacePlan(), { store })
    expect(calls('createPipeline')).toBe(2)
    await createSession(device, replacePlan('in place'), { store })
    expect(calls('createPipeline')).toBe(3)
    await createSession(device, replacePlan(), { store })
    expect(calls('createPipeline')).toBe(3)
    await createSession(device, replacePlan())
    expect(calls('createPipeline')).toBe(5)
  })

  test('a kernel that did not compile is tried again', async () => {
    const { device, store, failNext } = await open()
    const only = {
      ...replacePlan(),
      kernels: replacePlan().kernels.slice(0, 1),
      programs: [{ ...replacePlan().programs[0], steps: [], copies: [] }],
    }
    const plan: Plan = { ...only, outputs: [] }
    const refused = createSession(device, plan, { store })
    failNext('internal', 'not now')
    await expect(refused).rejects.toThrow('not now')
    await createSession(device, plan, { store })
  })

  test('scratch memory is shared by sessions of a store, and given back with the last', async () => {
    const { device, store, bytesHeld } = await open()
    const sessions = [await createSession(device, addPlan(), { store }), await createSession(device, addPlan(), { store })]
    const before = bytesHeld()
    await sessions[0].run(rows(100))
    const first = bytesHeld()
    await sessions[1].run(rows(100))
    expect(bytesHeld() - first).toBe(first - before - 1600)
    sessions[0].dispose()
    expect(bytesHeld()).toBe(first)
    sessions[1].dispose()
    expect(bytesHeld()).toBe(before)
    store.dispose()
    store.dispose()
    expect(bytesHeld()).toBe(0)
  })

  test('a smaller frame takes the scratch memory of a larger one', async () => {
    const { device, calls } = await open()
    const session = await createSession(device, addPlan(), { store: createStore(device) })
    await session.loadWeights(memoryCheckpoint({ w: host(0, 0, 0, 0) }))
    await session.run(rows(100))
    const before = calls('createBuffer')
    await session.run(rows(50))
    // input, output, dims, staging
    expect(calls('createBuffer') - before).toBe(4)
  })

  test('a weight of another shape or type is refused by name', async () => {
    const { device, store } = await open()
    await store.write({ w: { shape: [2, 2], data: new Float32Array(4) } })
    await expect(createSession(device, replacePlan(), { store })).rejects.toThrow(
      'weight w: is f32[2, 2] in the store, the plan of tiny has f32[4]',
    )
    await expect(store.write({ w: host(1) })).rejects.toThrow(
      'weight w: is f32[2, 2] in the store, the written tensor has f32[1]',
    )
    await expect(store.write({ w: { shape: [2, 2], data: new Int32Array(4) } })).rejects.toThrow(StoreError)
    await expect(store.write({ w: { shape: [2, 2], data: new Float32Array(3) } })).rejects.toThrow(
      '[2, 2] does not fit 3 values of f32',
    )
    await expect(store.read(['v'])).rejects.toThrow('weight v: is not in the store, which has w')
  })

  test('a weight that another plan cuts otherwise is refused', async () => {
    const { device, store } = await open()
    const cut = {
      ...replacePlan(),
      buffers: replacePlan().buffers.map((each) => (each.id === 3 ? { ...each, parts: 2, partElements: 2 } : each)),
    }
    await createSession(device, cut, { store })
    await expect(createSession(device, replacePlan(), { store })).rejects.toThrow(
      'weight s: has parts of 2, 2 elements in the store, the plan of tiny has parts of 4',
    )
    await store.write({ s: host(1, 2, 3, 4) })
    expect(await store.read(['s'])).toEqual({ s: host(1, 2, 3, 4) })
  })

  test('a weight beyond a binding is cut by a plan or refused', async () => {
    const { store } = await open({ limits: { maxStorageBufferBindingSize: 16 } })
    await expect(store.write({ w: host(1, 2, 3, 4, 5) })).rejects.toThrow(LimitError)
    expect(store.names()).toEqual([])
  })

  test('memory that runs out leaves nothing behind', async () => {
    const { device, store, failNext, bytesHeld } = await open()
    const refused = store.write({ w: host(1, 2, 3, 4) })
    failNext('out-of-memory', 'no room')
    await expect(refused).rejects.toThrow(OutOfMemoryError)
    expect([store.names(), bytesHeld()]).toEqual([[], 0])
    await createSession(device, replacePlan(), { store })
    store.dispose()
    expect(bytesHeld()).toBe(0)
  })

  test('weights of a bundle lie in one memory and are told by their own names', async () => {
    const { device, store, log } = await open({}, { buckets: [bundle('all', 'w', 's')] })
    const session = await createSession(device, replacePlan(), { store })
    expect(log.filter(([call, { label }]) => call === 'createBuffer' && ['w', 's', 'all'].includes(String(label)))).toHaveLength(
      1,
    )
    expect(store.names().toSorted()).toEqual(['s', 'w'])
    await session.store.write({ w: host(1, 2, 3, 4), s: host(5, 6, 7, 8) })
    const all = (await store.read(['all'])).all.data
    expect([...all.slice(0, 5), ...all.slice(64, 69)]).toEqual([1, 2, 3, 4, 0, 5, 6, 7, 8, 0])
    await expect(store.write({ s: host(1) })).rejects.toThrow('weight s: is f32[4] in the store')
  })

  test('a member can be read before anything else is there', async () => {
    const { store } = await open({}, { buckets: [bundle('all', 'w')] })
    expect(await store.read(['w'])).toEqual({ w: host(0, 0, 0, 0) })
  })

  test('much is read back in several turns', async () => {
    const { store, calls } = await open({ limits: { maxBufferSize: 64 } })
    const many = Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`w${at}`, host(at, at, at, at, at)]))
    await store.write(many)
    const before = calls('submit')
    expect(await store.read()).toEqual(many)
    expect(calls('submit') - before).toBe(3)
  })

  test('a store that is disposed ends its sessions with the reason', async () => {
    const { device, store } = await open()
    const session = await createSession(device, addPlan(), { store })
    store.dispose()
    await expect(session.run(rows(1))).rejects.toThrow('the store is disposed')
    await expect(store.read()).rejects.toThrow(StateError)
    await expect(createSession(device, addPlan(), { store })).rejects.toThrow('the store is disposed')
  })

  test('a plan that holds values of its weights, and a store elsewhere, are refused', async () => {
    const { device, store } = await open()
    const once = { name: 'once', when: null, slots: [], placement: [], steps: [] }
    await expect(createSession(device, addPlan({ once }), { store })).rejects.toThrow('compile it with shared weights')
    const other = createStore(await openDevice(createNullAdapter().adapter))
    await expect(createSession(device, addPlan(), { store: other })).rejects.toThrow('another device')
  })

  test('what is read back is copied before what replaces weights', async () => {
    const { device, store, log } = await open()
    const session = await createSession(device, replacePlan(), { store })
    await session.run({ x: host(1, 1, 1, 1) })
    const order = log
      .filter(([call]) => ['dispatch', 'copy', 'submit'].includes(call))
      .map(([call, { to }]) => (call === 'copy' ? `copy to ${String(to)}` : call))
    expect(order).toEqual(['dispatch', 'dispatch', 'copy to outputs', 'copy to w', 'submit'])
  })
})

const devices = await openAdapters()
afterAll(() => devices.forEach((device) => device.dispose()))

describe.each(devices.map((device) => [device.choice.name, device] as const))('on %s', ON_DEVICES, (_, device) => {
  test.each(['copied', 'in place'] as const)('weights are replaced %s', async (way) => {
    const store = createStore(device)
    await store.write({ w: host(1, 2, 3, 4) })
    const session = await createSession(device, replacePlan(way), { store })
    const step = { x: host(10, 20, 30, 40) }
    expect(await session.run(step)).toEqual({ y: host(1, 2, 3, 4) })
    expect(await store.read()).toEqual({ w: host(11, 22, 33, 44), s: host(10, 20, 30, 40) })
    expect(await session.run(step)).toEqual({ y: host(11, 22, 33, 44) })
    expect(await store.read(['s', 'w'])).toEqual({ s: host(110, 220, 330, 440), w: host(21, 42, 63, 84) })
    store.dispose()
  })

  test('sessions of a store are served in the order of the calls, and see what came before', async () => {
    const store = createStore(device)
    await store.write({ w: host(0, 0, 0, 0) })
    const [move, read] = [
      await createSession(device, replacePlan('in place'), { store }),
      await createSession(device, addPlan(), { store }),
    ]
    const one = { x: host(1, 1, 1, 1) }
    const seen = [move.run(one), read.run(rows(1)), move.run(one), move.run(one), read.run(rows(1)), store.read(['w'])]
    expect((await seen[1]).y.data).toEqual(Float32Array.of(1, 1, 1, 1))
    expect((await seen[4]).y.data).toEqual(Float32Array.of(3, 3, 3, 3))
    expect((await seen[5]).w.data).toEqual(Float32Array.of(3, 3, 3, 3))
    store.dispose()
  })

  test('members of a bundle are moved by one kernel, at their own places', async () => {
    const store = createStore(device, { buckets: [bundle('all', 'w', 's')] })
    const moving = addPlan({
      dims: [],
      inputs: [port('x', ['4'], 0)],
      outputs: [{ ...port('all', ['1024'], 1), replaces: 'all' }],
      weights: [{ ...port('all', ['1024'], 1), stacked: false, pieces: [] }],
      buffers: [buffer(0, 'x', 'input', '4'), buffer(1, 'all', 'weight', '1024')],
      kernels: [elementwise(0, 'move', [f32('x'), f32('all', 'read_write')], '1024u', 'all[i] = all[i] * x[0];')],
      programs: [
        {
          name: 'any',
          when: null,
          slots: [],
          placement: [],
          steps: [
            {
              kernel: 0,
              bindings: [
                { buffer: 0, part: 0 },
                { buffer: 1, part: 0 },
              ],
              workgroups: '16',
              label: 'move',
            },
          ],
        },
      ],
    })
    const move = await createSession(device, moving, { store })
    expect(store.names(), 'members are there with their bundle').toEqual(['w', 's'])
    await store.write({ w: host(1, 2, 3, 4), s: host(5, 6, 7, 8) })
    await move.run({ x: host(3, 0, 0, 0) })
    const read = await createSession(device, addPlan(), { store })
    expect((await read.run(rows(1))).y.data).toEqual(Float32Array.of(3, 6, 9, 12))
    expect(await store.read(['s', 'w'])).toEqual({ s: host(15, 18, 21, 24), w: host(3, 6, 9, 12) })
    store.dispose()
  })

  test('a weight in parts is copied across their borders', async () => {
    const store = createStore(device)
    const plan = replacePlan()
    // the kernels are never asked for more than what the copy moves
    const cut: Plan = {
      ...plan,
      buffers: plan.buffers.map((each) => (each.id === 2 ? { ...each, parts: 2, partElements: 3 } : each)),
      kernels: [elementwise(0, 'copy', [f32('x'), f32('v', 'read_write')], '4u', 'v[i] = x[i];')],
      outputs: [{ ...port('w', ['4'], 2), replaces: 'w' }],
      programs: [
        {
          ...plan.programs[0],
          steps: [
            {
              kernel: 0,
              bindings: [
                { buffer: 0, part: 0 },
                { buffer: 4, part: 0 },
              ],
              workgroups: '1',
              label: 'copy',
            },
          ],
        },
      ],
    }
    const session = await createSession(device, cut, { store })
    await session.run({ x: host(1, 2, 3, 4) })
    expect(await store.read(['w'])).toEqual({ w: host(1, 2, 3, 4) })
    store.dispose()
  })
})
