import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Device } from '../../runtime/device.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { graphOf } from '../support/graph.ts'
import { casesOn, ON_DEVICES } from '../support/runs.ts'
import { besideOracle } from '../support/oracle.ts'
import { feedsOf } from '../support/random.ts'
import { read, root } from '../support/sources.ts'

const folder = join(root, 'examples')
const names = readdirSync(folder).filter((name) => name.endsWith('.smoe'))

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

describe.each(await softwareDevices())('on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(casesOn(adapter, names))(
    '%s computes what the oracle says',
    async (name) => {
      const graph = graphOf(read(join(folder, name)))
      const feeds = [
        { B: 2, S: 5, T: 11 },
        { B: 1, S: 1, T: 1 },
      ].map((dims) => feedsOf(graph, dims))
      for (const { outputs, expected } of await besideOracle(device, graph, ...feeds)) {
        for (const [output, { data }] of Object.entries(outputs))
          expect(relativeError(data, expected[output].values)).toBeLessThan(2e-5)
      }
    },
    timeout,
  )
})
