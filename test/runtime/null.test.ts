import { expect, test } from 'vitest'
import { createNullAdapter, type NullOptions } from '../../runtime/null/adapter.ts'
import {
  createSession,
  describeTarget,
  DeviceLostError,
  estimate,
  FeatureError,
  InputError,
  LimitError,
  memoryCheckpoint,
  openDevice,
  OutOfMemoryError,
  PlanError,
  StateError,
} from '../../runtime/index.ts'
import { addPlan } from './plans.ts'

const checkpoint = memoryCheckpoint({ w: { shape: [4], data: new Float32Array(4) } })
const rows = (count: number) => ({ x: { shape: [count, 4], data: new Float32Array(count * 4) } })

async function open(options: NullOptions = {}, change: Parameters<typeof addPlan>[0] = {}) {
  const fake = createNullAdapter(options)
  const device = await openDevice(fake.adapter)
  const session = await createSession(device, addPlan(change))
  await session.loadWeights(checkpoint)
  return { ...fake, device, session, calls: () => fake.log.map(([call]) => call) }
}

test('one run is one pass, one submit and one copy an output', async () => {
  const { session, log } = await open()
  const before = log.length
  await session.run(rows(2))
  const calls = log
    .slice(before)
    .map(([call]) => call)
    .filter((call) => call !== 'createBuffer' && call !== 'write')
  expect(calls).toEqual(['beginPass', 'setPipeline', 'dispatch', 'setPipeline', 'dispatch', 'endPass', 'copy', 'submit'])
})

test('dims that come again take no memory again', async () => {
  const { session, bytesHeld } = await open()
  await session.run(rows(2))
  await session.run(rows(3))
  const held = bytesHeld()
  await session.run(rows(2))
  expect(bytesHeld()).toBe(held)
})

test('what a session takes is what was estimated, and dispose gives all of it back', async () => {
  const { session, bytesHeld } = await open()
  await session.run(rows(100))
  // the uniform of the dims is not counted
  expect(bytesHeld() - 16).toBe(estimate(session.plan, { B: 100 }).total)
  session.dispose()
  session.dispose()
  expect(bytesHeld()).toBe(0)
  await expect(session.run(rows(1))).rejects.toThrow(StateError)
})

test('more workgroups than fit in one dimension are folded into two', async () => {
  const { session, log } = await open({ limits: { maxComputeWorkgroupsPerDimension: 3 } })
  await session.run(rows(16 * 7))
  expect(log.filter(([call]) => call === 'dispatch').at(-1)?.[1]).toEqual({ x: 3, y: 3, z: 1 })
  await expect(session.run(rows(16 * 10))).rejects.toThrow(LimitError)
})

test('a step of no workgroups is not dispatched', async () => {
  const { session, calls } = await open()
  expect((await session.run(rows(0))).y).toEqual({ shape: [0, 4], data: new Float32Array(0) })
  expect(calls()).not.toContain('dispatch')
})

test('a plan that needs more than the device has is refused by name', async () => {
  const device = await openDevice(createNullAdapter().adapter)
  const { requires } = addPlan()
  await expect(
    createSession(device, addPlan({ requires: { ...requires, maxStorageBuffersPerShaderStage: 12 } })),
  ).rejects.toThrow('the plan needs maxStorageBuffersPerShaderStage = 12, the adapter has 8')
  await expect(createSession(device, addPlan({ requires: { ...requires, subgroupSize: 8 } }))).rejects.toThrow(LimitError)
  await expect(createSession(device, addPlan({ requires: { ...requires, features: ['subgroups'] } }))).rejects.toThrow(
    FeatureError,
  )
  await expect(createSession(device, addPlan({ programs: [] }))).rejects.toThrow(PlanError)
})

test('a binding beyond the limit is refused with its name', async () => {
  const { session } = await open({ limits: { maxStorageBufferBindingSize: 256 } })
  await session.run(rows(16))
  await expect(session.run(rows(17))).rejects.toThrow(/needs maxStorageBufferBindingSize = 272, the adapter has 256/)
})

test('memory that runs out is told with its size; older frames make room first', async () => {
  const { session, failNext } = await open()
  failNext('out-of-memory', 'no room')
  await expect(session.run(rows(4))).rejects.toThrow(OutOfMemoryError)
  await session.run(rows(4))
  failNext('out-of-memory', 'no room')
  expect((await session.run(rows(5))).y.shape).toEqual([5, 4])
})

test.each([
  [{}, null, 'is missing'],
  [{ ...rows(1), z: rows(1).x }, null, 'no such input; its inputs are x'],
  [{ x: { shape: [1, 4], data: new Int32Array(4) } }, null, 'expected f32, got i32'],
  [{ x: { shape: [4], data: new Float32Array(4) } }, null, 'of rank 2'],
  [{ x: { shape: [1, 5], data: new Float32Array(5) } }, '4', 'axis 1 to be 4, got 5'],
  [{ x: { shape: [2, 4], data: new Float32Array(4) } }, null, 'has 8 elements, got 4'],
  [{ x: { shape: [-1, 4], data: new Float32Array(4) } }, null, 'is not a valid shape'],
])('an input that does not fit is refused (%#)', async (inputs, dimension, message) => {
  const { session } = await open()
  const failure = await session.run(inputs as never).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(InputError)
  expect(failure).toMatchObject({ dimension })
  expect((failure as Error).message).toContain(message)
})

test('inputs of one symbol must agree', async () => {
  const plan = addPlan()
  const twice = {
    ...plan,
    inputs: [...plan.inputs, { ...plan.inputs[0], name: 'z', buffer: 9 }],
    buffers: [...plan.buffers, { ...plan.buffers[0], id: 9, name: 'z' }],
  }
  const { session } = await open({}, twice)
  await expect(session.run({ ...rows(2), z: rows(3).x })).rejects.toThrow(
    'input z: expected dimension B (axis 0) to be 2 with B = 2, got 3',
  )
})

test('a device that goes ends the run with its reason', async () => {
  const { session, lose } = await open()
  const run = session.run(rows(1))
  lose('unplugged')
  await expect(run).rejects.toThrow(DeviceLostError)
  await expect(session.run(rows(1))).rejects.toThrow('unplugged')
})

test('a run that waits for its turn has the inputs of its call', async () => {
  const { session } = await open()
  const inputs = rows(1)
  const first = session.run(rows(2))
  const second = session.run(inputs)
  inputs.x.shape[0] = 7
  expect((await second).y.shape).toEqual([1, 4])
  await first
})

test('a run under way when the session is disposed says so', async () => {
  const { session } = await open()
  const run = session.run(rows(1))
  session.dispose()
  await expect(run).rejects.toThrow('the session of tiny is disposed')
})

test('weights come before the first run', async () => {
  const session = await createSession(await openDevice(createNullAdapter().adapter), addPlan())
  await expect(session.run(rows(1))).rejects.toThrow('call loadWeights first')
})

test('a software adapter is one of the CPU', () => {
  expect(describeTarget(createNullAdapter().adapter)).toMatchObject({ kind: 'gpu', subgroupSize: null })
  const lanes = { subgroupMinSize: 8, subgroupMaxSize: 8 }
  const { adapter } = createNullAdapter({ features: ['subgroups'], info: { description: 'llvmpipe', ...lanes } })
  expect(describeTarget(adapter)).toMatchObject({ kind: 'cpu', subgroupSize: 8, features: ['subgroups'] })
})

test('more steps than a query set has room for are timed by several', async () => {
  const plan = addPlan()
  const [program] = plan.programs
  const steps = Array.from({ length: 3000 }, () => program.steps[0])
  const { session, log } = await open({ features: ['timestamp-query'] }, { programs: [{ ...program, steps }] })
  expect((await session.profile(rows(1))).dispatches).toHaveLength(3000)
  expect(log.filter(([call]) => call === 'createQuerySet').map(([, details]) => details.count)).toEqual([4096, 1904])
})
