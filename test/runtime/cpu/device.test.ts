/** Plans on the CPU device: the same bits on any number of threads, and typed errors where a thread fails. */
import { afterAll, expect, test } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { CPU } from '../../../plan/target.ts'
import type { Plan, WasmKernel } from '../../../plan/plan.ts'
import { createModule } from '../../../compiler/wasm/module.ts'
import { KERNEL } from '../../../compiler/wasm/kernel.ts'
import type { Device } from '../../../runtime/device.ts'
import { DeviceError, DeviceLostError, KernelError } from '../../../runtime/errors.ts'
import { memoryCheckpoint } from '../../../runtime/checkpoint/memory.ts'
import { load } from '../../support/sources.ts'
import { openCpuDevice } from '../../../runtime/node/threads.ts'
import { createSession } from '../../../runtime/session.ts'

const TEXT = `model mix(D: int = 24, F: int = 36) {
  input x: f32[T, D]
  param up: f32[F, D]
  param down: f32[D, F]
  output y = silu(x @ up.T) @ down.T
  output most = max(x, 1)
}
`
const compiled = (): Plan => compile({ path: 'mix.smoe', text: TEXT }, { target: CPU, load }).plan!
const values = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7))
const weights = memoryCheckpoint({ up: { shape: [36, 24], data: values(864) }, down: { shape: [24, 36], data: values(864) } })
const rows = (tokens: number) => ({ x: { shape: [tokens, 24], data: values(24 * tokens) } })

const opened: Device[] = []
function open(threads: number): Device {
  const device = openCpuDevice({ threads })
  opened.push(device)
  return device
}
afterAll(() => opened.forEach((device) => device.dispose()))

async function run(device: Device, tokens: readonly number[]) {
  const session = await createSession(device, compiled())
  await session.loadWeights(weights)
  const outputs = []
  for (const count of tokens) outputs.push(await session.run(rows(count)))
  session.dispose()
  return outputs
}

test('one, two, three and five threads leave the same bits', async () => {
  const tokens = [1, 2, 7, 64, 0, 300]
  const [first, ...others] = await Promise.all([1, 2, 3, 5].map((threads) => run(open(threads), tokens)))
  expect(first[3].y.data.some((value) => value !== 0)).toBe(true)
  for (const other of others) expect(other).toEqual(first)
})

test('many runs at once keep their order and their inputs', async () => {
  const session = await createSession(open(2), compiled())
  await session.loadWeights(weights)
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => session.run(rows(1 + (i % 4)))))
  all.forEach((outputs, i) => expect(outputs.y.data).toEqual(all[i % 4].y.data))
})

test('times of dispatches', async () => {
  const session = await createSession(open(2), compiled())
  await session.loadWeights(weights)
  const { dispatches, outputs } = await session.profile(rows(5))
  expect(dispatches.every(({ nanoseconds }) => nanoseconds >= 0)).toBe(true)
  expect(dispatches.map(({ label }) => label)).toContain('contract, sigmoid, multiply')
  expect(outputs.y.shape).toEqual([5, 24])
})

/** The plan with a kernel that traps. */
function trapping(): Plan {
  const plan = compiled()
  const module = createModule({ minimum: 1, maximum: 65536, shared: true })
  module.add(KERNEL, (body) => body.op('unreachable'), 'kernel')
  const kernels = plan.kernels.map((kernel) => ({ ...(kernel as WasmKernel), wasm: btoa(String.fromCharCode(...module.take())) }))
  return { ...plan, kernels }
}

test('a kernel that traps is an error of its dispatch, and the device goes on', async () => {
  const device = open(3)
  const session = await createSession(device, trapping())
  await session.loadWeights(weights)
  const failure = await session.run(rows(9)).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(DeviceError)
  expect((failure as Error).message).toMatch(/dispatch .*unreachable/)
  session.dispose()
  expect((await run(device, [3]))[0].y.shape).toEqual([3, 24])
})

test('a kernel that reads further around buffers than memory is kept for it is refused', async () => {
  const plan = compiled()
  const kernels = plan.kernels.map((kernel) => ({ ...(kernel as WasmKernel), marginBytes: 65 }))
  await expect(createSession(open(1), { ...plan, kernels })).rejects.toThrow(/reads 65 bytes around buffers, 64 are kept/)
})

test('a kernel that is no module names its place in the spec', async () => {
  const plan = compiled()
  const kernels = plan.kernels.map((kernel) => ({ ...(kernel as WasmKernel), wasm: 'AAAA' }))
  const failure = await createSession(open(1), { ...plan, kernels }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(KernelError)
  expect((failure as KernelError).place).toMatchObject({ path: 'mix.smoe' })
})

/** A module that takes the memory but cannot be instantiated with it: it wants a function too. */
const wantsMore = (): string => {
  const name = (text: string): number[] => [text.length, ...Buffer.from(text)]
  const imports = [1, ...name('env'), ...name('other'), 0, 0]
  return Buffer.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, imports.length, ...imports]).toString('base64')
}

test('a module that cannot be instantiated is an error of its kernel, and the device goes on', async () => {
  const device = open(2)
  const plan = compiled()
  const kernels = plan.kernels.map((kernel) => ({ ...(kernel as WasmKernel), wasm: wantsMore() }))
  await expect(createSession(device, { ...plan, kernels })).rejects.toBeInstanceOf(KernelError)
  expect((await run(device, [3]))[0].y.shape).toEqual([3, 24])
})

test('memory that threads write to is given to nobody else, though its session is disposed', async () => {
  const device = open(2)
  for (let at = 0; at < 10; at++) {
    const session = await createSession(device, compiled())
    await session.loadWeights(weights)
    const running = session.run(rows(20_000)).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, at))
    session.dispose()
    const others = await Promise.all([2 ** 21, 2 ** 20, 2 ** 21].map((bytes) => device.createStorage('other', bytes)))
    await running
    const regions = others.map((buffer, which) => ({ buffer, offset: 0, bytes: [2 ** 21, 2 ** 20, 2 ** 21][which] }))
    const [bytes] = await device.read('others', [regions])
    expect(new Uint8Array(bytes).every((byte) => byte === 0)).toBe(true)
    others.forEach((buffer) => buffer.destroy())
  }
})

test('a program without dispatches can be executed between others', async () => {
  const device = open(3)
  const session = await createSession(device, compiled())
  await session.loadWeights(weights)
  const empty = await device.bind({ label: 'empty', dims: [], dispatches: [], outputs: [], copies: [] })
  for (let at = 0; at < 300; at++) {
    for (let time = 0; time < 4; time++) await empty.execute(() => {}, time === 0)
    await session.run(rows(1))
  }
})

test('what is destroyed is neither written, read nor used by a program', async () => {
  const device = open(1)
  const buffer = await device.createStorage('gone', 64)
  const regions = [{ buffer, offset: 0, bytes: 16 }]
  const program = await device.bind({ label: 'late', dims: [], dispatches: [], outputs: [regions], copies: [] })
  buffer.destroy()
  buffer.destroy()
  expect(() => device.write(buffer, 0, new Float32Array(4), 0, 4)).toThrow(DeviceError)
  await expect(device.read('tensors', [regions])).rejects.toThrow('tensors: the buffer gone is destroyed')
  await expect(program.execute(() => {}, false)).rejects.toThrow('running program late: the buffer gone is destroyed')
})

test('a disposed device ends what waits for it, and every later call', async () => {
  const device = open(2)
  const session = await createSession(device, compiled())
  await session.loadWeights(weights)
  const running = session.run(rows(2000))
  device.dispose()
  await expect(running).rejects.toBeInstanceOf(DeviceLostError)
  await expect(session.run(rows(1))).rejects.toBeInstanceOf(DeviceLostError)
})
