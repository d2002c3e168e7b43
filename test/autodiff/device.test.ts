import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../../runtime/device.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { casesOn, ON_DEVICES } from '../support/runs.ts'
import { planOf, runPlan } from '../support/graph-on-device.ts'
import { openTrained, trainedFolders } from '../support/trained.ts'

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

describe.each(await softwareDevices())('gradients of published architectures on %s', ON_DEVICES, (name) => {
  let device: Device
  beforeAll(async () => void (device = await open(name)))
  afterAll(() => device.dispose())

  // the last has routed layers
  it.each(casesOn(name, trainedFolders.toReversed()))(
    '%s',
    async (_, folder) => {
      const { checkpoint, graph, inputs, gradients } = openTrained(folder)
      const feeds = { inputs, weights: checkpoint.tensors }
      const plan = planOf(graph, device.target, 'prefill')
      const [first, second] = [await runPlan(device, plan, feeds), await runPlan(device, plan, feeds)]
      for (const [path, expected] of gradients)
        expect(relativeError(first[`gradient.${path}`].data, expected), path).toBeLessThan(1e-3)
      for (const [output, { data }] of Object.entries(first)) expect(second[output].data, output).toEqual(data)
    },
    timeout,
  )
})
