/** Every policy of the library on devices, beside the oracle. */
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Device } from '../../runtime/device.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { besideOracle, expectSameRoutes } from '../support/oracle.ts'
import { feedsOf } from '../support/random.ts'
import { graphOf } from './layer.ts'
import { layers } from './policies.ts'

/** Those that no golden vectors are held against. */
const files = [
  'competition_v1',
  'deepseek_v3',
  'expert_choice',
  'frozen_top_k',
  'group_limited_top_k',
  'hash',
  'noisy_top_k',
  'random',
  'soft',
  'top_p',
]

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

describe.each(await softwareDevices())('on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(layers.filter(({ file }) => files.includes(file)))(
    '$route decides as the oracle does',
    async (layer) => {
      const graph = graphOf(layer)
      const feeds = [
        feedsOf(graph, { B: 2, S: 9 }, { seed: 4, vocabulary: 40 }),
        feedsOf(graph, { B: 1, S: 1 }, { seed: 5, vocabulary: 40 }),
      ]
      for (const run of await besideOracle(device, graph, ...feeds)) expectSameRoutes(run, 'y')
    },
    timeout,
  )
})
