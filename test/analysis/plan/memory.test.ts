import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { peakOf, planMemory } from '../../../analysis/plan/memory.ts'
import { importModel } from '../../../cli/import/import.ts'
import { compile } from '../../../compiler/compile.ts'
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

function planOf(name: string, target: Target, formats?: WeightFormats): Plan {
  const imported = importModel(JSON.parse(readFileSync(join(folder(name), 'config.json'), 'utf8')))
  if (imported.kind !== 'spec') throw new Error(imported.message)
  const { plan } = compile({ path: 'm.smoe', text: imported.spec }, { target, load, formats })
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
