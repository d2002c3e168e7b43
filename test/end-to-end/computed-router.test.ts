/** Routers whose scores are products with a computed matrix choose the reference's experts on every software adapter. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import type { Device } from '../../runtime/device.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { graphOf } from '../support/graph.ts'
import { runGraph } from '../support/graph-on-device.ts'
import { feedsOf } from '../support/random.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { read, root } from '../support/sources.ts'
import { weightsOf } from '../support/weights.ts'

const spec = (scores: string): string => `
import { swiglu } from "std/experts/swiglu"
policy p(k: int in 1..E = 2) {
  param gate: f32[E, D]
  param side: f32[D, E]
  param square: f32[D, D]
  param wide: f32[2 * E, D]
  let s = ${scores}
  select top k by s
  weigh pick(s, selected)
}
model m(D: int = 8, E: int = 4) {
  input x: f32[B, D]
  output y = moe(x) {
    experts E of swiglu(F = 4)
    route p()
  }
}
`

/** Every kind of computed side; each matrix that is square could be taken for its transpose without a message. */
const SCORES = [
  'cumsum(x @ gate.T)',
  'x @ (gate * 2.0).T',
  'x @ (side * 2.0)',
  'x @ exp(side)',
  'x @ softmax(gate).T',
  'x @ side',
  'cumsum(x) @ gate.T',
  'x @ (square @ side)',
  'x @ square @ side',
  '(x * 2.0 + 1.0) @ (gate + 1.0).T',
  'x @ wide[0:E, :].T',
  'x @ (wide[E:2 * E, :] * 2.0).T',
  'x[:, 0:D / 2] @ reshape(side, [D / 2, 2, E])[:, 1, :]',
  'x @ side + x @ (gate * 3.0).T',
]

const folder = join(root, 'test/fixtures/cases/router-computed-matrix')
const agrees = async (device: Device, graph: Graph, feeds: Feeds, want: ArrayLike<number>): Promise<void> => {
  for (const variant of ['decode', 'prefill'] as const)
    expect(relativeError((await runGraph(device, graph, feeds, variant)).y.data, want), variant).toBeLessThan(1e-5)
}

describe.each(await softwareDevices())('on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test('scores that are summed cumulatively give the numbers that were computed independently', async () => {
    const graph = graphOf(read(join(folder, 'spec.smoe')))
    const { x, ...checkpoint } = readSafetensors(join(folder, 'weights-and-x.safetensors'))
    await agrees(
      device,
      graph,
      { inputs: { x }, weights: weightsOf(graph, checkpoint) },
      readSafetensors(join(folder, 'wanted.safetensors')).y.values,
    )
  }, 120_000)

  test.each(SCORES)(
    '%s',
    async (scores) => {
      const graph = graphOf({ path: 'router.smoe', text: spec(scores) })
      const feeds = feedsOf(graph, { B: 7 }, { seed: 3 })
      await agrees(device, graph, feeds, evaluate(graph, feeds).y.values)
    },
    120_000,
  )
})
