import { describe, expect, it } from 'vitest'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { LOG_ZERO } from '../../compiler/ops/sinkhorn.ts'
import { uniform } from '../support/random.ts'
import {
  apart,
  choose,
  feedsOf,
  goldenProblems,
  missed,
  randomProblem,
  scalingGraph,
  type Problem,
  type Solving,
} from '../support/sinkhorn.ts'

function solve(
  problem: Problem,
  params: Solving,
): { readonly logV: Float64Array; readonly done: number; readonly residual: number } {
  const [tokens, width] = problem.cost.shape
  const { values } = evaluate(scalingGraph(tokens, width, params), feedsOf(problem)).y
  return { logV: values.subarray(0, width), done: values[width], residual: values[width + 1] }
}

describe.each(goldenProblems('f64'))('golden $name', ({ problem, params, tensors }) => {
  const [tokens, width] = problem.cost.shape
  const history = tensors.hist_log_v

  it('log v at the end, after as many iterations', () => {
    const { logV, done, residual } = solve(problem, params)
    expect(apart(logV, tensors.log_v.values)).toBeLessThan(1e-9)
    expect(done).toBe(history.shape[0])
    expect(residual * Math.sqrt(width)).toBeCloseTo(tensors.hist_col_err.values.at(-1)!, 9)
  })

  it('log v and the residual after every iteration', () => {
    for (let n = 1; n <= history.shape[0]; n++) {
      const { logV, residual } = solve(problem, { iterations: n, tolerance: 0 })
      expect(apart(logV, history.values.subarray((n - 1) * width, n * width))).toBeLessThan(1e-9)
      expect(Math.abs(residual * Math.sqrt(width) - tensors.hist_col_err.values[n - 1])).toBeLessThan(1e-9)
    }
  })

  it('chooses and weighs the same experts', () => {
    const { logV } = solve(problem, params)
    const k = tensors.topk_idx.shape[1]
    for (let t = 0; t < tokens; t++) {
      const { chosen, alpha, gap } = choose(
        Array.from(logV, (v, e) => problem.cost.values[t * width + e] + v),
        k,
      )
      const wanted = [...tensors.topk_idx.values.subarray(t * k, t * k + k)]
      if (gap < 1e-6) continue
      expect(new Set(chosen)).toEqual(new Set(wanted))
      wanted.forEach((e, j) => expect(Math.abs(alpha[chosen.indexOf(e)] - tensors.alpha.values[t * k + j])).toBeLessThan(1e-9))
    }
  })
})

describe('any marginals', () => {
  const next = uniform(11)

  it.each([
    [1, 1],
    [1, 5],
    [7, 1],
    [40, 6],
    [13, 29],
  ])('%i rows, %i columns', (tokens, width) => {
    const problem = randomProblem(tokens, width, 1, false, next)
    const { logV, done, residual } = solve(problem, { iterations: 1000, tolerance: 1e-6 })
    expect(done).toBeLessThan(1000)
    expect(missed(problem, logV)).toBeCloseTo(residual, 9)
    expect(residual).toBeLessThan(1e-5)
  })

  it('a row to sum to 0 changes nothing, whatever it scores', () => {
    const whole = randomProblem(12, 4, 1, false, next)
    const without = solve(whole, { iterations: 300, tolerance: 1e-9 })
    const cost = { shape: [13, 4], dtype: 'f32', values: Float64Array.from([...whole.cost.values, 90, -3, 40, 7]) } as const
    const masked = { ...whole, cost, rows: { ...whole.rows, shape: [13], values: Float64Array.from([...whole.rows.values, 0]) } }
    expect(apart(solve(masked, { iterations: 300, tolerance: 1e-9 }).logV, without.logV)).toBeLessThan(1e-12)
  })

  it('a column to sum to 0 has no part', () => {
    const whole = randomProblem(12, 4, 1, true, next)
    const { logV, residual } = solve(
      { ...whole, columns: { ...whole.columns, values: Float64Array.of(4, 0, 5, 3) } },
      { iterations: 300, tolerance: 1e-5 },
    )
    expect(logV[1]).toBe(LOG_ZERO)
    expect(residual).toBeLessThan(1e-5)
  })

  it('sums that no plan has end after the last iteration, rows exact', () => {
    const whole = randomProblem(12, 4, 1, true, next)
    const { done, residual } = solve(
      { ...whole, columns: { ...whole.columns, values: Float64Array.of(4, 4, 4, 4) } },
      { iterations: 50, tolerance: 1e-4 },
    )
    expect([done, residual]).toEqual([50, expect.closeTo(1, 6)])
  })
})
