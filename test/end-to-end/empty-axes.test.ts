/**
 * Axes without elements, outputs that are one number, and weights of zeros give the reference's values on every software adapter.
 *
 * @module-tag devices
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { Device } from '../../runtime/device.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { graphOf } from '../support/graph.ts'
import { runGraph } from '../support/graph-on-device.ts'
import { feedsOf } from '../support/random.ts'
import { weightsOf } from '../support/weights.ts'

const IMPORT = 'import { swiglu } from "std/experts/swiglu"\n'
const moe = (policy: string): string => `${IMPORT}${policy}
model m(D: int = 8, F: int = 16, E: int = 4) {
  input x: f32[B, D]
  output y = moe(x) {
    experts E of swiglu(F = F)
    route p()
  }
}
`
const CASES = {
  'an output that is one number': 'model m(D: int = 8) {\n  input x: f32[B, D]\n  output y = D * 2\n  output z = x\n}\n',
  'no singular vectors to score by': moe(`policy p(k: int in 1..E = 2) {
  once {
    let v = svd_right(experts.gate)
    let strongest = v[:, 4:4]
  }
  let s = softmax(sum(abs(einsum("t d, e c d -> t e c", x, strongest)), axis = -1))
  select top k by s
  weigh pick(s, selected)
}`),
  'a product without columns':
    'model m(D: int = 8) {\n  param w: f32[5, D]\n  input x: f32[B, D]\n  output y = sum(x @ w[2:2].T, axis = -1)\n}\n',
  'a product without terms':
    'model m(D: int = 8) {\n  param w: f32[5, D]\n  input x: f32[B, D]\n  output y = x[:, 3:3] @ w[:, 3:3].T\n}\n',
  'weights that are zeros, over their sum': moe(`policy p(k: int in 1..E = 2) {
  param gate: f32[E, D]
  let s = softmax(x @ gate.T)
  select top k by s
  let w = pick(s * 0.0, selected)
  weigh w / sum(w, axis = -1, keep = true)
}`),
  'a maximum over nothing': 'model m(D: int = 8) {\n  input x: f32[B, D]\n  output y = max(x[:, 8:], axis = -1)\n}\n',
}

let devices: readonly Device[] = []
beforeAll(async () => {
  devices = await Promise.all((await softwareDevices()).map(open))
})
afterAll(() => devices.forEach((device) => device.dispose()))

test.each(Object.entries(CASES))(
  '%s',
  async (_, text) => {
    const graph = graphOf({ path: 'empty.smoe', text })
    for (const tokens of [3, 70]) {
      const feeds = feedsOf(graph, { B: tokens }, { seed: 1 })
      const weights = weightsOf(graph, feeds.checkpoint)
      const want = evaluate(graph, { inputs: feeds.inputs, weights })
      for (const device of devices) {
        const got = await runGraph(device, graph, { inputs: feeds.inputs, weights }, tokens === 3 ? 'decode' : 'prefill')
        for (const [name, { values }] of Object.entries(want)) {
          expect(got[name].data.length).toBe(values.length)
          values.forEach((value, i) => {
            if (!Number.isFinite(value)) expect(got[name].data[i], device.choice.name).toBe(value)
            else expect(got[name].data[i], device.choice.name).toBeCloseTo(value, 4)
          })
        }
      }
    }
  },
  60_000,
)
