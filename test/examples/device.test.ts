import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { graphOf, planOf } from '../support/graph.ts'
import { feedsOf } from '../support/random.ts'
import { read, root } from '../support/sources.ts'

const folder = join(root, 'examples')
const names = readdirSync(folder).filter((name) => name.endsWith('.smoe'))

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

describe.each(await softwareDevices())('on %s', (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(names)('%s computes what the oracle says', async (name) => {
    const graph = graphOf(read(join(folder, name)))
    const session = await createSession(device, planOf(graph, device.target))
    for (const dims of [{ B: 2, S: 5, T: 11 }, { B: 1, S: 1, T: 1 }]) {
      const { inputs, checkpoint, weights } = feedsOf(graph, dims)
      const expected = evaluate(graph, { inputs, weights })
      await session.loadWeights(memoryCheckpoint(storedAll(checkpoint)))
      const outputs = await session.run(storedAll(inputs))
      for (const [output, { data }] of Object.entries(outputs)) expect(relativeError(data, expected[output].values)).toBeLessThan(2e-5)
    }
    session.dispose()
  }, timeout)
})
