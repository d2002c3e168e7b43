/** Fused attention on the cpu device: near the reference, with gradients, and the same bytes for every number of threads. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import type { Device } from '../../../runtime/device.ts'
import { openDevice } from '../../../runtime/node/index.ts'
import { attentionFeeds, attentionGraphs, PLAIN } from '../../support/attention.ts'
import { relativeError } from '../../support/compare.ts'
import { runGraph } from '../../support/graph-on-device.ts'

let devices: readonly Device[] = []
beforeAll(async () => {
  devices = await Promise.all([1, 3].map((threads) => openDevice({ choose: 'cpu', threads })))
})
afterAll(() => devices.forEach((device) => device.dispose()))

it('any number of threads gives the same bytes, near the reference', async () => {
  const form = { ...PLAIN, B: 2, S: 67, ratio: 2, C: 8, W: 12, window: 40, sinks: true }
  const { fused } = attentionGraphs(form)
  const feeds = attentionFeeds(form, 7)
  const want = evaluate(fused, feeds)
  const [one, three] = await Promise.all(devices.map((device) => runGraph(device, fused, feeds)))
  for (const [name, { values }] of Object.entries(want)) {
    expect(relativeError(one[name].data, values), name).toBeLessThan(2e-5)
    expect([...Float32Array.from(three[name].data)], name).toEqual([...Float32Array.from(one[name].data)])
  }
})
