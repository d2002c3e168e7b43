import { afterAll, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { CPU, FAST_CPU, PORTABLE, type Target } from '../../plan/target.ts'
import type { Plan } from '../../plan/plan.ts'
import { openDevice as openAdapter } from '../../runtime/webgpu/device.ts'
import { FeatureError, LimitError, PlanError } from '../../runtime/errors.ts'
import { openCpuDevice } from '../../runtime/node/threads.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'
import { createSession } from '../../runtime/session.ts'
import { load } from '../support/sources.ts'

const TEXT = `model mix(D: int = 8) {
  input x: f32[T, D]
  param w: f32[D, D]
  output y = x @ w.T
}
`
const planFor = (target: Target): Plan => compile({ path: 'mix.smoe', text: TEXT }, { target, load }).plan!

const cpu = openCpuDevice({ threads: 1 })
const gpu = await openAdapter(createNullAdapter().adapter)
afterAll(() => {
  cpu.dispose()
  gpu.dispose()
})

test('a plan for webgpu does not run on the cpu device, nor the other way round, and the error says both', async () => {
  const onCpu = createSession(cpu, planFor(PORTABLE))
  await expect(onCpu).rejects.toThrow(PlanError)
  await expect(onCpu).rejects.toThrow(
    /target: it is for webgpu, and cpu, 1 thread runs plans for cpu: compile it for this device/,
  )
  await expect(createSession(gpu, planFor(CPU))).rejects.toThrow(
    /target: it is for cpu, and null adapter runs plans for webgpu: compile it for this device/,
  )
})

test('relaxed SIMD is a feature that a device has only where it was asked for', async () => {
  const fast = planFor(FAST_CPU)
  expect(fast.requires.features).toEqual(['relaxed-simd'])
  expect(planFor(CPU).requires.features).toEqual([])
  await expect(createSession(cpu, fast)).rejects.toThrow(FeatureError)
  await expect(createSession(cpu, fast)).rejects.toThrow(/needs the feature relaxed-simd/)
})

test('a limit is named with what the device has', async () => {
  const plan = planFor(CPU)
  const wide = { ...plan, requires: { ...plan.requires, maxStorageBuffersPerShaderStage: 5000 } }
  const session = createSession(cpu, wide)
  await expect(session).rejects.toThrow(LimitError)
  await expect(session).rejects.toThrow(/maxStorageBuffersPerShaderStage = 5000/)
})
