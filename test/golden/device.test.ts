import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { framed } from '../support/check.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { casesOn, ON_DEVICES } from '../support/runs.ts'
import { load } from '../support/sources.ts'
import type { Case } from './case.ts'
import { cases } from './cases.ts'
import { sourceOf } from './layers.ts'
import { heldOf, pathOf, problemsOf, runsOf, vectorsOf } from './vectors.ts'

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

/** Every file and check on one plan. */
async function run(device: Device, one: Case): Promise<void> {
  const { name, layer, training = false, checks, made } = one
  const { plan, diagnostics } = compile(sourceOf(name, layer), { load, target: device.target, routes: true, training })
  expect(framed(diagnostics)).toBe('')
  const session = await createSession(device, plan!)
  for (const file of runsOf(one, 'device')) {
    const vectors = vectorsOf(one, file)
    const checkpoint = made === undefined ? await openCheckpoint(pathOf(file)) : memoryCheckpoint(storedAll(vectors))
    for (const check of checks) {
      await session.loadWeights(checkpoint, {
        allowExtra: true,
        ...(check.held === undefined ? {} : { held: memoryCheckpoint(storedAll(heldOf(vectors, check.held))) }),
      })
      const outputs = await session.run(storedAll({ x: vectors.x }))
      const values = Object.fromEntries(Object.entries(outputs).map(([output, { data }]) => [output, { values: data }]))
      expect(
        problemsOf(values, vectors, check),
        `${file.file} in ${file.precision}, with ${check.held ?? 'what the weights give'}`,
      ).toEqual([])
    }
    await checkpoint.close()
  }
  session.dispose()
}

describe.each(await softwareDevices())('on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(casesOn(adapter, cases).map((one) => [one.name, one] as const))('%s', (_, one) => run(device, one), timeout)
})
