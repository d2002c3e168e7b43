import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createSession,
  DeviceLostError,
  KernelError,
  memoryCheckpoint,
  NotFiniteError,
  OutOfMemoryError,
  StateError,
  type Device,
} from '../../runtime/index.ts'
import { addPlan, buffer, elementwise, f32 } from './plans.ts'
import { open as openNamed, openAdapters } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { inWgsl } from '../support/wgsl.ts'

const devices = await openAdapters()
afterAll(() => devices.forEach((device) => device.dispose()))

const rows = (count: number): Float32Array => Float32Array.from({ length: count * 4 }, (_, at) => at)
const input = (count: number) => ({ x: { shape: [count, 4], data: rows(count) } })
const checkpoint = memoryCheckpoint({ w: { shape: [4], data: Float32Array.of(10, 20, 30, 40) } })
const sums = (count: number): Float32Array => rows(count).map((value, at) => value + 10 * ((at % 4) + 1))

describe.each(devices.map((device) => [device.choice.name, device] as const))('on %s', ON_DEVICES, (name, device) => {
  const open = async (change: Parameters<typeof addPlan>[0] = {}) => {
    const session = await createSession(device, addPlan(change))
    await session.loadWeights(checkpoint)
    return session
  }

  test('a plan runs with dims bound by its inputs', async () => {
    const session = await open()
    for (const count of [1, 3, 100, 3, 0, 5, 6, 7, 1]) {
      const { y } = await session.run(input(count))
      expect(y).toEqual({ shape: [count, 4], data: sums(count) })
    }
    session.dispose()
  })

  test('calls at once are served in their order', async () => {
    const session = await open()
    const runs = await Promise.all([4, 2, 4, 9].map((count) => session.run(input(count))))
    expect(runs.map(({ y }) => y.data)).toEqual([4, 2, 4, 9].map(sums))
    session.dispose()
  })

  test('the program is chosen by its condition', async () => {
    const plan = addPlan()
    const [any] = plan.programs
    const twice = elementwise(2, 'twice', [f32('x'), f32('y', 'read_write')], 'dims[0].x * 4u', 'y[i] = 2.0 * x[i];')
    const step = {
      kernel: 2,
      bindings: [
        { buffer: 0, part: 0 },
        { buffer: 1, part: 0 },
      ],
      workgroups: 'ceil(4*B, 64)',
      label: 'twice',
    }
    const few = { name: 'few', when: { dim: 'B', atMost: 2 }, slots: [], placement: [], steps: [step] }
    const session = await open({ kernels: [...plan.kernels, twice], programs: [few, any] })
    expect((await session.run(input(2))).y.data).toEqual(rows(2).map((value) => 2 * value))
    expect((await session.run(input(3))).y.data).toEqual(sums(3))
    session.dispose()
  })

  test('every step is timed', async () => {
    const session = await open()
    const { dispatches: steps, outputs, program, dims } = await session.profile(input(100))
    expect(outputs.y.data).toEqual(sums(100))
    expect({ program, dims }).toEqual({ program: 'any', dims: { B: 100 } })
    expect(steps.map(({ label, kernel, workgroups }) => [label, kernel, workgroups])).toEqual([
      ['copy', 'copy', 7],
      ['add', 'add', 7],
    ])
    expect(steps.every(({ nanoseconds }) => nanoseconds >= 0 && nanoseconds < 1e9)).toBe(true)
    expect(steps.some(({ nanoseconds }) => nanoseconds > 0)).toBe(true)
    session.dispose()
  })

  test('a weight in parts is loaded across their borders and bound part by part', async () => {
    const plan = addPlan()
    const whole = { ...buffer(2, 'w', 'weight', '100'), parts: 2, partElements: 64 }
    const body = 'y[i] = select(right[i % 100u - 64u], left[i % 100u], i % 100u < 64u) + x[i];'
    const add = elementwise(0, 'add', [f32('x'), f32('left'), f32('right'), f32('y', 'read_write')], 'dims[0].x * 4u', body)
    const bindings = [
      { buffer: 0, part: 0 },
      { buffer: 2, part: 0 },
      { buffer: 2, part: 1 },
      { buffer: 1, part: 0 },
    ]
    const weight = { ...plan.weights[0], shape: ['100'] }
    const session = await createSession(
      device,
      addPlan({
        weights: [weight],
        kernels: [add],
        buffers: [plan.buffers[0], plan.buffers[1], whole],
        programs: [
          {
            name: 'any',
            when: null,
            slots: [],
            placement: [],
            steps: [{ kernel: 0, bindings, workgroups: 'ceil(4*B, 64)', label: 'add' }],
          },
        ],
      }),
    )
    const values = Float32Array.from({ length: 100 }, (_, at) => at * at)
    await session.loadWeights(memoryCheckpoint({ w: { shape: [100], data: values } }))
    const { y } = await session.run(input(25))
    expect(y.data).toEqual(values.map((value, at) => value + at))
    session.dispose()
  })

  test('scratch in parts lies in one slot, empty parts too', async () => {
    const plan = addPlan()
    const split = { ...buffer(3, 'copy', 'scratch', '4*B'), parts: 3, partElements: 8 }
    const copy = elementwise(
      0,
      'copy',
      [f32('x'), f32('a', 'read_write'), f32('b', 'read_write')],
      'dims[0].x * 4u',
      'if (i < 8u) { a[i] = x[i]; } else { b[i - 8u] = x[i]; }',
    )
    const add = elementwise(
      1,
      'add',
      [f32('a'), f32('b'), f32('c'), f32('y', 'read_write')],
      'dims[0].x * 4u',
      'if (i < 8u) { y[i] = a[i]; } else { y[i] = b[i - 8u] + c[0] * 0.0; }',
    )
    const [a, b, c] = [0, 1, 2].map((part) => ({ buffer: 3, part }))
    const steps = [
      { kernel: 0, bindings: [{ buffer: 0, part: 0 }, a, b], workgroups: '1', label: 'copy' },
      { kernel: 1, bindings: [a, b, c, { buffer: 1, part: 0 }], workgroups: '1', label: 'add' },
    ]
    const session = await open({
      kernels: [copy, add],
      buffers: [...plan.buffers.slice(0, 3), split],
      programs: [{ name: 'any', when: null, slots: [{ bytes: ['16*B'] }], placement: [{ buffer: 3, slot: 0 }], steps }],
    })
    expect((await session.run(input(4))).y.data).toEqual(rows(4))
    expect((await session.run(input(1))).y.data).toEqual(rows(1))
    session.dispose()
  })

  test('constants are there, and whole numbers come back whole', async () => {
    const plan = addPlan()
    const pick = elementwise(
      0,
      'pick',
      [
        { name: 'c', access: 'read', dtype: 'i32' },
        { name: 'y', access: 'read_write', dtype: 'i32' },
      ],
      'dims[0].x * 4u',
      'y[i] = c[i % 3u];',
    )
    const session = await open({
      kernels: [pick],
      buffers: [...plan.buffers.slice(0, 3), buffer(5, 'c', 'constant', '3', 'i32'), buffer(6, 'z', 'output', '4*B', 'i32')],
      constants: [{ buffer: 5, dtype: 'i32', values: [-1, 7, 2147483647] }],
      outputs: [{ ...plan.outputs[0], dtype: 'i32', buffer: 6 }],
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
                { buffer: 5, part: 0 },
                { buffer: 6, part: 0 },
              ],
              workgroups: '1',
              label: 'pick',
            },
          ],
        },
      ],
    })
    expect((await session.run(input(1))).y.data).toEqual(Int32Array.of(-1, 7, 2147483647, -1))
    session.dispose()
  })

  test('a kernel that does not compile is named with the place it computes', async () => {
    const plan = addPlan()
    const bad = elementwise(1, 'add', plan.kernels[1].bindings, 'dims[0].x', 'y[i] = nothing[i];')
    const failure = await createSession(device, addPlan({ kernels: [plan.kernels[0], bad] })).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(KernelError)
    expect(failure).toMatchObject({ kernel: 'add', wgslLine: 9, place: { path: 'tiny.smoe', line: 7, instance: 'layers.0/add' } })
    expect((failure as Error).message).toMatch(/kernel add, WGSL line 9, computing tiny.smoe:7:3 \(layers.0\/add\): .*nothing/)
  })

  test('a kernel without its entry point, and one beyond the limits, are named too', async () => {
    const plan = addPlan()
    const lost = { ...plan.kernels[1], entryPoint: 'other' }
    await expect(createSession(device, addPlan({ kernels: [plan.kernels[0], lost] }))).rejects.toThrow(KernelError)
    const wide = { ...plan.kernels[1], wgsl: inWgsl(plan.kernels[1]).wgsl.replace('(64)', '(4096)') }
    await expect(createSession(device, addPlan({ kernels: [plan.kernels[0], wide] }))).rejects.toThrow(/kernel add.*tiny.smoe/)
  })

  test('NaN in an output is refused where it is asked for', async () => {
    const session = await open()
    const nan = { x: { shape: [1, 4], data: Float32Array.of(0, NaN, 0, Infinity) } }
    expect((await session.run(nan)).y.data[1]).toBeNaN()
    const failure = await session.run(nan, { checkFinite: true }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NotFiniteError)
    expect((failure as Error).message).toBe('output y: 2 of 4 values are not finite, the first at 1, in the only row')
    session.dispose()
  })

  test('dispose in the middle of a run ends it with a typed error, and the device goes on', async () => {
    const session = await open()
    const run = session.run(input(1000))
    await new Promise((resolve) => setTimeout(resolve, 1))
    session.dispose()
    await run.catch((error: unknown) => expect(error).toBeInstanceOf(StateError))
    const next = await open()
    expect((await next.run(input(1))).y.data).toEqual(sums(1))
    next.dispose()
  })

  test('a weight beyond all memory is told before anything is loaded', async () => {
    const plan = addPlan()
    const parts = 4000
    const huge = { ...buffer(2, 'w', 'weight', String(parts * 2 ** 25)), parts, partElements: 2 ** 25 }
    const weight = { ...plan.weights[0], shape: [String(parts * 2 ** 25)] }
    const failure = createSession(
      device,
      addPlan({ weights: [weight], buffers: [...plan.buffers.filter(({ id }) => id !== 2), huge] }),
    )
    await expect(failure).rejects.toThrow(OutOfMemoryError)
    await expect(failure).rejects.toThrow(
      /out of memory for the weights of tiny: 500 GiB needed \(.* are free; stored as bf16 they take 250 GiB\)/,
    )
  })

  describe('a device of its own', () => {
    let own: Device
    beforeAll(async () => {
      own = await openNamed(name)
    })

    test('ends what runs on it with the reason, when it is destroyed', async () => {
      const session = await createSession(own, addPlan())
      await session.loadWeights(checkpoint)
      const run = session.run(input(1000))
      own.dispose()
      own.dispose()
      await expect(run).rejects.toThrow(DeviceLostError)
      await expect(session.run(input(1))).rejects.toThrow(DeviceLostError)
      await expect(createSession(own, addPlan())).rejects.toThrow(DeviceLostError)
      session.dispose()
    })
  })
})
