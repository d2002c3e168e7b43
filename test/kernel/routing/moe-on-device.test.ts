/** One routed layer, from normed hidden state to combined output: how many dispatches, and the same numbers as the reference. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import type { Graph } from '../../../compiler/graph/node.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { CPU, PORTABLE, type Target } from '../../../plan/target.ts'
import type { Plan } from '../../../plan/plan.ts'
import { openAdapters, openSoftware } from '../../support/devices.ts'
import { ON_DEVICES } from '../../support/runs.ts'
import type { Device } from '../../../runtime/device.ts'
import { relativeError } from '../../support/compare.ts'
import { runPlan } from '../../support/graph-on-device.ts'
import { feedsOf } from '../../support/random.ts'
import { load } from '../../support/sources.ts'

const spec = `
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model layer(D: int = 32, F: int = 48, E: int = 8, k: int in 1..E = 2) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts E of swiglu(F = F)
    route top_k(k = k)
    require dropless
  }
}
`

type Sizes = Readonly<Record<'D' | 'F' | 'E' | 'k', number>>

const compileLayer = (set: Sizes, target: Target) => {
  const compilation = compile({ path: 'layer.smoe', text: spec }, { load, set, target })
  expect(compilation.diagnostics).toEqual([])
  return compilation as typeof compilation & { plan: Plan; graph: Graph }
}

describe('a routed layer', () => {
  it.each([PORTABLE, { ...PORTABLE, name: 'cpu', kind: 'cpu', subgroupSize: 8 } satisfies Target])(
    'is 5 dispatches, and 4 for few tokens, on $name',
    (target) => {
      const { plan } = compileLayer({ D: 512, F: 1024, E: 8, k: 2 }, target)
      expect(plan.programs.map(({ name, steps }) => [name, steps.length])).toEqual([
        ['decode', 4],
        ['prefill', 5],
      ])
    },
  )

  let devices: readonly Device[] = []
  beforeAll(async () => {
    devices = await openSoftware()
    expect(devices.length).toBeGreaterThan(0)
  })
  afterAll(() => devices.forEach((device) => device.dispose()))

  it.each([
    [{ D: 32, F: 48, E: 8, k: 2 }, 1],
    [{ D: 32, F: 48, E: 8, k: 2 }, 37],
    [{ D: 5, F: 7, E: 3, k: 3 }, 20],
    [{ D: 5, F: 7, E: 3, k: 1 }, 2],
    [{ D: 64, F: 16, E: 128, k: 8 }, 40],
    [{ D: 12, F: 20, E: 1, k: 1 }, 9],
    [{ D: 16, F: 8, E: 40, k: 4 }, 300],
  ] satisfies [Sizes, number][])(
    '%o of %i tokens agrees with the reference, twice the same bits',
    ON_DEVICES,
    async (sizes, T) => {
      for (const device of devices) {
        const { plan, graph } = compileLayer(sizes, device.target)
        const { inputs, checkpoint, weights } = feedsOf(graph, { T }, { seed: 7 * T })
        const want = evaluate(graph, { inputs, weights })
        const first = await runPlan(device, plan, { inputs, weights: checkpoint })
        const again = await runPlan(device, plan, { inputs, weights: checkpoint })
        expect(relativeError(first.y.data, want.y.values)).toBeLessThan(1e-5)
        expect(again.y.data).toEqual(first.y.data)
      }
    },
  )

  it('is cut where a bank of experts exceeds a binding', ON_DEVICES, async () => {
    for (const device of await openAdapters()) {
      await isCut(device)
      device.dispose()
    }
  })

  async function isCut(device: Device): Promise<void> {
    const sizes = { D: 32, F: 48, E: 8, k: 2 }
    // three experts of 48 * 32 numbers a part
    const target = { ...device.target, maxBindingBytes: 3 * 48 * 32 * 4 + 100 }
    const { plan, graph } = compileLayer(sizes, target)
    expect(plan.buffers.filter(({ parts }) => parts > 1).map(({ name, parts }) => [name, parts])).toEqual([
      ['moe.experts.gate', 3],
      ['moe.experts.up', 3],
      ['moe.experts.down', 3],
    ])
    const { inputs, checkpoint, weights } = feedsOf(graph, { T: 33 }, { seed: 5 })
    const got = await runPlan(device, plan, { inputs, weights: checkpoint })
    expect(relativeError(got.y.data, evaluate(graph, { inputs, weights }).y.values)).toBeLessThan(1e-5)
  }

  it('is never cut on the cpu target, whose kernels read one part', () => {
    expect(() => compileLayer({ D: 32, F: 48, E: 8, k: 2 }, { ...CPU, maxBindingBytes: 3 * 48 * 32 * 4 + 100 })).toThrow(
      /several parts/,
    )
  })
})
