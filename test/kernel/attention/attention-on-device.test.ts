/**
 * Fused attention on devices: near the reference, with gradients, on adapters too; and on the cpu device the same bytes for every
 * number of threads.
 */
import { afterAll, beforeAll, expect, it, test } from 'vitest'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import type { Device } from '../../../runtime/device.ts'
import { openDevice } from '../../../runtime/node/index.ts'
import { attentionFeeds, attentionGraphs, continuedFeeds, continuedGraph, PLAIN } from '../../support/attention.ts'
import { relativeError } from '../../support/compare.ts'
import { openAdapters } from '../../support/devices.ts'
import { runGraph } from '../../support/graph-on-device.ts'
import { IN_LONG_ALONE, testRun } from '../../support/runs.ts'

let threaded: readonly Device[] = []
let adapters: readonly Device[] = []
beforeAll(async () => {
  threaded = await Promise.all([1, 3].map((threads) => openDevice({ choose: 'cpu', threads })))
  if (testRun !== 'short') adapters = await openAdapters(['lavapipe'])
})
afterAll(() => [...threaded, ...adapters].forEach((device) => device.dispose()))

it.each([
  ['a window and sinks', { ...PLAIN, B: 2, S: 67, ratio: 2, C: 8, W: 12, window: 40, sinks: true }],
  // queries of the third sequence see no key
  ['rows that see nothing', { ...PLAIN, B: 3, S: 35, ratio: 2, C: 8, W: 12, cap: 1.5, padded: true }],
  ['rows that see nothing but their sink', { ...PLAIN, B: 3, S: 33, C: 5, W: 3, padded: true, sinks: true }],
])('%s: any number of threads gives the same bytes, near the reference', async (_, form) => {
  const { fused } = attentionGraphs(form)
  const feeds = attentionFeeds(form, 7)
  const want = evaluate(fused, feeds)
  const [one, three] = await Promise.all(threaded.map((device) => runGraph(device, fused, feeds)))
  for (const [name, { values }] of Object.entries(want)) {
    // without sinks their gradient is 0
    if (values.some((value) => value !== 0)) expect(relativeError(one[name].data, values), name).toBeLessThan(2e-5)
    else expect(Array.from(one[name].data).every((value) => value === 0)).toBe(true)
    expect([...Float32Array.from(three[name].data)], name).toEqual([...Float32Array.from(one[name].data)])
  }
})

const CONTINUED = [
  { ...PLAIN, B: 2, S: 1, groups: 2, ratio: 3, C: 16, W: 16 },
  { ...PLAIN, B: 3, S: 5, ratio: 2, C: 8, W: 12, window: 4, sinks: true },
  { ...PLAIN, B: 2, S: 70, C: 5, W: 3, cap: 1.5, window: 40 },
  { ...PLAIN, B: 1, S: 40, C: 8, W: 8, window: 3 },
]

it.each(CONTINUED.flatMap((form) => [7, 40, 96].map((T) => [form, T] as const)))(
  '%j behind a past, among %i keys',
  async (form, T) => {
    const graph = continuedGraph(form, T)
    for (const seed of [1, 2, 3]) {
      const feeds = continuedFeeds(form, T, seed)
      const want = evaluate(graph, feeds).y.values
      const [one, other] = await Promise.all(threaded.map(async (device) => (await runGraph(device, graph, feeds)).y.data))
      expect(other).toEqual(one)
      expect(relativeError(one, want)).toBeLessThan(5e-6)
    }
  },
)

test('shaders of queries behind a past', { ...IN_LONG_ALONE, timeout: 120_000 }, async () => {
  // sequences of which some queries lie behind the last key
  const form = { ...PLAIN, B: 3, S: 5, C: 4, W: 4, window: 4 }
  const [graph, feeds] = [continuedGraph(form, 7), continuedFeeds(form, 7, 5)]
  for (const device of adapters) {
    const { y } = await runGraph(device, graph, feeds)
    expect(relativeError(y.data, evaluate(graph, feeds).y.values), device.target.name).toBeLessThan(5e-5)
  }
})

test('shaders, whose rows are whole vec4s or not', { ...IN_LONG_ALONE, timeout: 120_000 }, async () => {
  const forms = [
    { ...PLAIN, B: 3, S: 35, ratio: 2, C: 4, W: 8, window: 9, cap: 1.5, padded: true },
    { ...PLAIN, S: 5, C: 3, W: 5, sinks: true },
  ]
  for (const device of adapters)
    for (const form of forms) {
      const { fused } = attentionGraphs(form)
      const feeds = attentionFeeds(form, 3)
      const [got, want] = [await runGraph(device, fused, feeds), evaluate(fused, feeds)]
      // without sinks their gradient is 0
      for (const [name, { values }] of Object.entries(want).filter(([, { values }]) => values.some((value) => value !== 0)))
        expect(relativeError(got[name].data, values), `${device.target.name} ${name}`).toBeLessThan(5e-5)
    }
})
