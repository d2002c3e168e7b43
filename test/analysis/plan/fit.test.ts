import { expect, test } from 'vitest'
import { misfits, type DeviceFacts } from '../../../analysis/plan/fit.ts'
import { planMemory } from '../../../analysis/plan/memory.ts'
import { compile } from '../../../compiler/compile.ts'
import { PORTABLE } from '../../../plan/target.ts'
import { LAYER } from '../../cli/harness.ts'
import { load } from '../../support/sources.ts'

const plan = compile({ path: 'layer.smoe', text: LAYER }, { target: PORTABLE, load }).plan!

const device = (free: number | null, binding = 2 ** 27): DeviceFacts => ({
  target: PORTABLE,
  choice: { name: 'made up', driver: '', reason: '' },
  features: new Set(),
  limits: {
    ...plan.requires,
    maxStorageBufferBindingSize: binding,
    maxBufferSize: 2 ** 28,
    maxComputeWorkgroupsPerDimension: 65535,
  },
  availableMemory: () => free,
})

const request = (facts: DeviceFacts) => ({
  plan,
  device: facts,
  threads: 1,
  sizesFor: (T: number) => ({ T }),
  context: 1000,
  showBytes: (bytes: number) => `${bytes} B`,
})

const totalOf = (T: number): number => planMemory(plan, { T }, 1).total

test('what has room has no misfit, and free memory that is not known is enough', () => {
  expect(misfits(request(device(null)))).toEqual([])
  expect(misfits(request(device(totalOf(1000))))).toEqual([])
})

test('the longest context that fits is named', () => {
  const free = totalOf(300)
  const [{ what, remedy }, ...others] = misfits(request(device(free)))
  expect(others).toEqual([])
  expect(what).toBe(`${totalOf(1000)} B are needed at the peak, and ${free} B are free`)
  const fits = Number(/a context of (\d+) tokens fits/.exec(remedy)?.[1])
  expect([totalOf(fits) <= free, totalOf(fits + 1) <= free]).toEqual([true, false])
})

test('where weights alone have no room, no context helps', () => {
  expect(misfits(request(device(100)))[0].remedy).toBe(
    'no context is short enough: weights stored in fewer bytes, or a smaller model',
  )
})

test('where weights in fewer bytes would have room, the format and the peak with it are named', () => {
  const halfOf = (bytes: number): number => bytes / 2
  const weights = planMemory(plan, { T: 1000 }, 1).weights.f32
  const peak = totalOf(1000) - weights + halfOf(weights)
  const [{ remedy }] = misfits(request(device(peak)))
  expect(remedy).toBe(`stored as bf16 the weights take ${halfOf(weights)} B, and ${peak} B are needed at the peak`)
  expect(misfits(request(device(peak - 1)))[0].remedy).toMatch(/^a context of \d+ tokens fits$/)
})

test('a buffer above the limit of a binding is named, and so is what the plan requires', () => {
  const requirement = { ...device(null), limits: { ...device(null).limits, maxStorageBuffersPerShaderStage: 1 } }
  expect(misfits(request(requirement))[0].what).toContain('maxStorageBuffersPerShaderStage')
  const [{ what }] = misfits(request(device(null, 1000))).filter(({ what }) => what.startsWith('the buffer'))
  expect(what).toMatch(/^the buffer .+ has \d+ B, and one binding at most 1000 B$/)
})
