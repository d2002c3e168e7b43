/** Every policy of the library on devices, beside the oracle. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { planOf } from '../support/graph.ts'
import { feedsOf } from '../support/random.ts'
import { graphOf } from './layer.ts'
import { layers } from './policies.ts'

/** Those that no golden vectors are held against. */
const files = ['competition_v1', 'deepseek_v3', 'expert_choice', 'frozen_top_k', 'group_limited_top_k', 'hash', 'noisy_top_k', 'random', 'soft', 'top_p']

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

describe.each(await softwareDevices())('on %s', (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(layers.filter(({ file }) => files.includes(file)))('$route decides as the oracle does', async (layer) => {
    const graph = graphOf(layer)
    const session = await createSession(device, planOf(graph, device.target))
    for (const [dims, seed] of [[{ B: 2, S: 9 }, 4], [{ B: 1, S: 1 }, 5]] as const) {
      const { inputs, checkpoint, weights } = feedsOf(graph, dims, { seed, vocabulary: 40 })
      const expected = evaluate(graph, { inputs, weights })
      await session.loadWeights(memoryCheckpoint(storedAll(checkpoint)))
      const outputs = await session.run(storedAll(inputs))
      expect([...outputs['moe.selected'].data]).toEqual([...expected['moe.selected'].values])
      for (const name of ['moe.weights', 'y']) expect(relativeError(outputs[name].data, expected[name].values)).toBeLessThan(1e-5)
    }
    session.dispose()
  }, timeout)
})
