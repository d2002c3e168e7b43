/**
 * Plans scaled on every software adapter: the golden ones, and as close to any marginals as f32 comes.
 *
 * @module-tag devices
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile, compileGraph } from '../../../compiler/compile.ts'
import type { Plan } from '../../../plan/plan.ts'
import { openSoftware } from '../../support/devices.ts'
import type { Device } from '../../../runtime/device.ts'
import { createSession } from '../../../runtime/session.ts'
import { planOf } from '../../support/graph-on-device.ts'
import { storedAll } from '../../support/devices.ts'
import { uniform } from '../../support/random.ts'
import { load } from '../../support/sources.ts'
import {
  allowed,
  apart,
  choose,
  goldenProblems,
  missed,
  randomProblem,
  scalingGraph,
  type Problem,
  type Solving,
} from '../../support/sinkhorn.ts'

let devices: readonly Device[] = []
beforeAll(async () => {
  devices = await openSoftware()
  expect(devices.length).toBeGreaterThan(0)
})
afterAll(() => devices.forEach((device) => device.dispose()))

/** By one workgroup, a dispatch an iteration, or as the plan of a model chooses. */
type Form = 'one' | 'steps' | 'either'

/** Scalings by a plan for any number of rows. */
async function openSolver(device: Device, columns: number, params: Solving, form: Form) {
  const graph = scalingGraph('T', columns, params)
  const when = form === 'one' ? { dim: 'T', atMost: 300 } : null
  const plan = form === 'either' ? compileGraph(graph, device.target).plan! : planOf(graph, device.target, 'prefill', 16, when)
  const session = await createSession(device, plan)
  const solve = async ({ cost, rows, columns: masses }: Problem): Promise<Float32Array> =>
    (await session.run(storedAll({ cost, rows, columns: masses }))).y.data as Float32Array
  return { solve, close: () => session.dispose() }
}

const spec = (tolerance: number): string => `
model scaled(E: int = 8, k: int = 2) {
  input cost: f32[T, E]
  let s = cost + sinkhorn(cost, 1.0, 1.0 * T / E, tolerance = ${tolerance})
  let best = top_k(s, k)
  output chosen: i32[T, k] = best
  output alpha: f32[T, k] = softmax(pick(s, best))
  output scores: f32[T, E] = s
  output status: f32[2] = sinkhorn_status(cost, 1.0, 1.0 * T / E, tolerance = ${tolerance})
}
`

describe.each(goldenProblems('f32'))('golden $name', ({ name, problem, params, tensors }) => {
  const [tokens, width] = problem.cost.shape
  const overflows = name.startsWith('linear_overflow')
  // there the file of f32 ranks by entries of the plan, of which most are 0: the file of f64 has what the logarithms say
  const routes = overflows ? goldenProblems('f64').find((other) => other.name === name)!.tensors : tensors
  const done = tensors.hist_log_v.shape[0]
  const most = Math.max(1, ...tensors.log_v.values.map(Math.abs))

  it.each(['one', 'steps'] as const)('log v, %s', async (form) => {
    for (const device of devices) {
      const solver = await openSolver(device, width, params, form)
      const got = await solver.solve(problem)
      expect(apart(got.subarray(0, width), tensors.log_v.values) / most).toBeLessThan(1e-5)
      expect(got[width]).toBe(done)
      expect(await solver.solve(problem)).toEqual(got)
      solver.close()
    }
  })

  it('the experts chosen and their weights, as a spec says them', async () => {
    for (const device of devices) {
      const { plan, diagnostics } = compile(
        { path: 'scaled.smoe', text: spec(params.tolerance) },
        { load, target: device.target },
      )
      expect(diagnostics).toEqual([])
      const session = await createSession(device, plan as Plan)
      const { chosen, alpha, scores, status } = await session.run(storedAll({ cost: problem.cost }))
      session.dispose()
      const k = tensors.topk_idx.shape[1]
      expect(status.data[0]).toBe(done)
      for (let t = 0; t < tokens; t++) {
        const { gap } = choose([...scores.data.subarray(t * width, (t + 1) * width)], k)
        if (gap < 1e-6) continue
        const wanted = [...routes.topk_idx.values.subarray(t * k, t * k + k)]
        const got = [...chosen.data.subarray(t * k, t * k + k)]
        expect(new Set(got)).toEqual(new Set(wanted))
        // scores of some hundreds have no more than four digits behind the point in f32
        const near = overflows ? 1e-4 : 1e-5
        wanted.forEach((e, j) =>
          expect(Math.abs(alpha.data[t * k + got.indexOf(e)] - routes.alpha.values[t * k + j])).toBeLessThan(near),
        )
      }
    }
  })
})

describe('random problems', () => {
  const params = { iterations: 400, tolerance: 1e-4 }

  it.each([1, 2, 3, 5, 8, 13, 16, 31, 48, 64])('20 of %i columns, T from 1 to 300, by one workgroup', async (width) => {
    const next = uniform(width)
    const problems = Array.from({ length: 20 }, (_, i) =>
      randomProblem(1 + Math.floor(next() * 300), width, 0.2 + 1.5 * next(), i % 2 === 0, next),
    )
    for (const device of devices) {
      const solver = await openSolver(device, width, params, 'one')
      for (const problem of problems) {
        const got = await solver.solve(problem)
        expect(got[width]).toBeLessThan(params.iterations)
        expect(missed(problem, got)).toBeLessThan(allowed(problem, params.tolerance))
      }
      solver.close()
    }
  })

  it.each([
    [4, 700],
    [60, 300],
  ])('10 of %i columns, T from 1 to %i, a dispatch an iteration', async (width, most) => {
    const next = uniform(most)
    const problems = Array.from({ length: 10 }, (_, i) =>
      randomProblem(1 + Math.floor(next() * most), width, 1, i % 2 === 0, next),
    )
    for (const device of devices) {
      const solver = await openSolver(device, width, { iterations: 150, tolerance: 1e-4 }, 'steps')
      for (const problem of problems) {
        const got = await solver.solve(problem)
        expect(got[width]).toBeLessThan(150)
        expect(missed(problem, got)).toBeLessThan(allowed(problem, 1e-4))
      }
      solver.close()
    }
  })

  it.each([
    [4096, 64],
    [300, 256],
    [65536, 16],
  ])('%i rows, %i columns', async (tokens, width) => {
    const problem = randomProblem(tokens, width, 1, true, uniform(tokens))
    for (const device of devices) {
      const solver = await openSolver(device, width, { iterations: 100, tolerance: 1e-4 }, 'either')
      const got = await solver.solve(problem)
      expect(got[width]).toBeLessThan(100)
      expect(missed(problem, got)).toBeLessThan(allowed(problem, 1e-4))
      solver.close()
    }
  })

  it('rows and columns to sum to 0', async () => {
    const whole = randomProblem(40, 6, 1, true, uniform(9))
    const rows = { ...whole.rows, values: whole.rows.values.map((mass, t) => (t < 10 ? 0 : mass)) }
    const problem = { ...whole, rows, columns: { ...whole.columns, values: Float64Array.of(0, 6, 6, 6, 6, 6) } }
    for (const device of devices) {
      for (const form of ['one', 'steps'] as const) {
        const solver = await openSolver(device, 6, { iterations: 100, tolerance: 1e-4 }, form)
        const got = await solver.solve(problem)
        expect(got[0]).toBe(-(2 ** 100))
        expect(missed(problem, got)).toBeLessThan(allowed(problem, 1e-4))
        solver.close()
      }
    }
  })
})
