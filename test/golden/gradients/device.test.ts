import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryCheckpoint } from '../../../runtime/checkpoint/memory.ts'
import type { Device } from '../../../runtime/device.ts'
import { createSession } from '../../../runtime/session.ts'
import { open, softwareDevices, storedAll } from '../../support/devices.ts'
import { planOf } from '../../support/graph-on-device.ts'
import { casesOn, ON_DEVICES } from '../../support/runs.ts'
import { runsOf, vectorsOf } from '../vectors.ts'
import type { GradientCase } from './case.ts'
import { gradientCases } from './cases.ts'
import { beyond, graphOf, inputsOf, missesOf, toleranceOf, valueMissesOf } from './compare.ts'

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

/** Every file on one plan, in the program for many tokens: learning is done with many. */
async function run(device: Device, one: GradientCase): Promise<void> {
  const graph = graphOf(one)
  const session = await createSession(device, planOf(graph, device.target, 'prefill'))
  for (const file of runsOf(one, 'device')) {
    const vectors = vectorsOf(one, file)
    await session.loadWeights(memoryCheckpoint(storedAll(vectors)), { allowExtra: true })
    const outputs = await session.run(storedAll(inputsOf(graph, vectors)))
    const results = Object.fromEntries(Object.entries(outputs).map(([output, { data }]) => [output, { values: data }]))
    const misses = [...valueMissesOf(graph, one, results, vectors), ...missesOf(graph, one, results, vectors)]
    expect(beyond(misses, toleranceOf(one, file)), `${file.file} in ${file.precision}`).toEqual([])
  }
  session.dispose()
}

describe.each(await softwareDevices())('gradients on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(casesOn(adapter, gradientCases).map((one) => [one.name, one] as const))('%s', (_, one) => run(device, one), timeout)
})
