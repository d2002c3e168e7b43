/** Both ways to scale a plan, as kernels run on the host in f64. */
import { describe, expect, it } from 'vitest'
import { PORTABLE, type Target } from '../../../plan/target.ts'
import { compileGraph } from '../../../compiler/compile.ts'
import { evaluateKernels, type Memory } from '../../../compiler/kernel/ir/evaluate.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { optimise } from '../../../compiler/passes/pipeline.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { uniform } from '../../support/random.ts'
import {
  apart,
  feedsOf,
  goldenProblems,
  randomProblem,
  scalingGraph,
  type Problem,
  type Solving,
} from '../../support/sinkhorn.ts'

const cpu: Target = { ...PORTABLE, name: 'cpu', kind: 'cpu' }
type Form = 'one' | 'steps'

/** The kernels' answer; `one` and `steps` are told apart by whether the number of rows is known. */
function run({ cost, rows, columns }: Problem, params: Solving, target: Target, form: Form): Float64Array {
  const [tokens, width] = cost.shape
  const graph = optimise(scalingGraph(form === 'one' ? tokens : 'T', width, params), {
    variant: 'prefill',
    tile: 8,
    block: 16,
  }).graph
  const { kernels } = schedule(graph, target, 'prefill')
  expect(kernels.length).toBe(form === 'one' ? 1 : params.iterations + 2)
  const memory: Memory = new Map(graph.inputs.map((input) => [input, { cost, rows, columns }[input.params.name]!.values]))
  evaluateKernels(kernels, memory, { T: tokens })
  return memory.get(graph.outputs[0].node)!
}

const forms: readonly (readonly [Form, Target])[] = [
  ['one', PORTABLE],
  ['one', cpu],
  ['steps', PORTABLE],
  ['steps', cpu],
]

describe.each(forms)('%s, for $name', (form, target) => {
  it.each(goldenProblems('f64'))('golden $name', ({ problem, params, tensors }) => {
    const width = problem.columns.values.length
    const got = run(problem, { ...params, iterations: Math.min(100, tensors.hist_log_v.shape[0] + 2) }, target, form)
    expect(apart(got.subarray(0, width), tensors.log_v.values)).toBeLessThan(1e-9)
    expect(got[width]).toBe(tensors.hist_log_v.shape[0])
  })

  it.each([
    [1, 1],
    [3, 40],
    [255, 2],
    [256, 3],
    [300, 5],
    [20, 300],
  ])('%i rows, %i columns as the reference', (tokens, width) => {
    const problem = randomProblem(tokens, width, 1, false, uniform(tokens))
    for (const iterations of [1, 3]) {
      const params = { iterations, tolerance: 1e-2 }
      const want = evaluate(scalingGraph(tokens, width, params), feedsOf(problem)).y.values
      expect(apart(run(problem, params, target, form), want)).toBeLessThan(1e-9)
    }
  })

  it('marginals of 0 and no rows at all', () => {
    const params = { iterations: 3, tolerance: 1e-4 }
    const whole = randomProblem(30, 4, 1, true, uniform(3))
    const rows = { ...whole.rows, values: whole.rows.values.map((mass, t) => (t % 3 === 0 ? 0 : mass)) }
    const masked = { ...whole, rows, columns: { ...whole.columns, values: Float64Array.of(0, 12, 5, 3) } }
    const none = randomProblem(0, 4, 1, true, uniform(3))
    const unmet = { ...none, columns: { ...none.columns, values: Float64Array.of(1, 0, 1, 0) } }
    for (const problem of [masked, unmet]) {
      const want = evaluate(scalingGraph(problem.cost.shape[0], 4, params), feedsOf(problem)).y.values
      expect(apart(run(problem, params, target, form), want)).toBeLessThan(1e-9)
    }
  })
})

it('the programs: one workgroup where the tokens are few enough for it, else a dispatch an iteration', () => {
  const { plan } = compileGraph(scalingGraph('T', 16, { iterations: 7, tolerance: 1e-4 }), PORTABLE)
  expect(plan!.programs.map(({ when, steps }) => [when, steps.length])).toEqual([
    [{ dim: 'T', atMost: 2048 }, 1],
    [null, 9],
  ])
  // one kernel for all steps but the first
  expect(plan!.kernels.map(({ name }) => name)).toEqual(['sinkhorn', 'sinkhorn_step', 'sinkhorn_step', 'sinkhorn_finish'])
  const known = (tokens: number) =>
    compileGraph(scalingGraph(tokens, 16, { iterations: 7, tolerance: 1e-4 }), PORTABLE).plan!.programs.map(
      ({ steps }) => steps.length,
    )
  expect([known(2048), known(2049)]).toEqual([[1], [9]])
})

it('says what a workgroup cannot hold', () => {
  const attempt = (columns: string | number) => () =>
    schedule(scalingGraph(4, columns, { iterations: 7, tolerance: 1e-4 }), PORTABLE, 'prefill')
  expect(attempt('E')).toThrow('the number of columns, E, is known only at run time')
  expect(attempt(4000)).toThrow(/4000 columns take 67076 bytes of a workgroup's memory; portable has 16384/)
  expect(attempt(512)).not.toThrow()
})
