import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { peakOf, planMemory } from '../../../analysis/plan/memory.ts'
import { importModel } from '../../../cli/import/import.ts'
import { compile } from '../../../compiler/compile.ts'
import type { StateOptions } from '../../../compiler/lower/state.ts'
import type { WeightFormats } from '../../../compiler/passes/weight-formats.ts'
import type { Plan } from '../../../plan/plan.ts'
import { CPU, PORTABLE, type Target } from '../../../plan/target.ts'
import { openCheckpoint } from '../../../runtime/checkpoint/files.ts'
import { openCpu } from '../../../runtime/cpu/device.ts'
import type { Device } from '../../../runtime/device.ts'
import { estimate } from '../../../runtime/memory.ts'
import { poolWorker, startWorker } from '../../../runtime/node/threads.ts'
import { createSession } from '../../../runtime/session.ts'
import { load, root } from '../../support/sources.ts'

const THREADS = 2

/** A device whose free memory is that of WebAssembly, whatever the host has. */
const openDevice = (): Device =>
  openCpu(
    {
      cores: THREADS,
      spawn: (program) => poolWorker(startWorker(program)),
      driver: 'test',
      takeTurn: null,
      enableRelaxedSimd: () => false,
      enableRevectorizer: () => 'no',
      freeMemory: () => null,
    },
    { threads: THREADS },
  )

const folder = (name: string): string => join(root, 'test/fixtures/checkpoints', name)

function planOf(name: string, target: Target, formats?: WeightFormats, state?: StateOptions): Plan {
  const imported = importModel(JSON.parse(readFileSync(join(folder(name), 'config.json'), 'utf8')))
  if (imported.kind !== 'spec') throw new Error(imported.message)
  const { plan } = compile({ path: 'm.smoe', text: imported.spec }, { target, load, formats, state })
  if (plan === null) throw new Error('it does not compile')
  return plan
}

for (const [name, format] of [
  ['llama', null],
  ['mixtral', 'bf16'],
  ['olmoe', null],
] as const) {
  test(`${name}, ${format ?? 'f32'}: what is planned is what the device has allocated, within 2 %`, async () => {
    const device = openDevice()
    onTestFinished(device.dispose)
    const plan = planOf(name, CPU, format === null ? undefined : { kind: 'all', format })
    const before = device.availableMemory()!
    const session = await createSession(device, plan)
    const checkpoint = await openCheckpoint(folder(name))
    try {
      await session.loadWeights(checkpoint, { allowExtra: true })
      const tokens = { shape: [3, 40], data: new Int32Array(120) }
      await session.run({ tokens })
      const allocated = before - device.availableMemory()!
      const { total } = planMemory(plan, { B: 3, S: 40 }, THREADS)
      expect(Math.abs(total / allocated - 1)).toBeLessThan(0.02)
    } finally {
      await checkpoint.close()
      session.dispose()
    }
  })
}

test.each([
  ['mixtral', 1, 64],
  ['olmoe', 3, 1000],
] as const)(
  '%s: what is planned of a state of %i sequences is what the device has allocated, to the byte',
  async (name, sequences, longest) => {
    const device = openDevice()
    onTestFinished(device.dispose)
    const plan = planOf(name, CPU, undefined, { sequences, longest })
    const before = device.availableMemory()!
    const session = await createSession(device, plan)
    onTestFinished(session.dispose)
    const { weights, state, constants, loadTimeConstants } = planMemory(plan, { S: 1 }, THREADS)
    const weightBytes = Object.values(weights).reduce((all, one) => all + one, 0)
    expect(before - device.availableMemory()!).toBe(weightBytes + state!.all + constants + loadTimeConstants)
    // keys and values of each layer, of all heads
    const rows = state!.perToken * sequences * longest
    expect(state!.all - rows).toBeGreaterThanOrEqual(0)
    expect(state!.all - rows).toBeLessThanOrEqual(128 * state!.parts.length)
    const withoutState = planMemory(planOf(name, CPU), { B: 1, S: 1 }, THREADS)
    expect([withoutState.weights, withoutState.state]).toEqual([weights, null])
  },
)

test('on a GPU it is the estimate of the runtime', () => {
  const plan = planOf('mixtral', PORTABLE)
  const values = { B: 2, S: 33 }
  const memory = planMemory(plan, values, 1)
  expect(memory.total).toBe(estimate(plan, values).total)
  expect(memory.weights).toEqual({ f32: estimate(plan, values).weights })
  expect(memory.runtime).toBe(estimate(plan, values).staging)
})

test('the peak may be while load-time constants are computed', () => {
  const memory = { ...planMemory(planOf('llama', CPU), { B: 1, S: 1 }, 1), loading: 1e12 }
  expect(peakOf(memory)).toBe(1e12)
})

test('of a convolution the last rows are kept, which grow with no token', () => {
  const text = `model taps(D: int = 8) {
    input x: f32[B, S, D]
    output y = sum(with_previous(x, 3)[:, 3:] + cached(x)[:, 0:1], axis = 2)
  }`
  const { plan } = compile({ path: 'taps.smoe', text }, { target: CPU, load, state: { sequences: 2, longest: 40 } })
  expect(plan).not.toBeNull()
  expect(planMemory(plan!, { S: 1 }, 1).state).toMatchObject({ perToken: 4 * 8, parts: [{}, {}] })
})
