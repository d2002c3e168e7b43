/** Policies that read their experts, keep some of the chosen, compete, and do other things when training. */
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'
import { relativeError } from '../support/compare.ts'
import { feedsOf } from '../support/random.ts'

const imports = 'import { swiglu } from "std/experts/swiglu"\nimport { top_k } from "std/policies/top_k"\n'
const modelOf = (route: string, more = ''): string =>
  `model m(D: int = 6, F: int = 5, E: int = 4) {\n  input x: f32[B, S, D]\n  output y = moe(x) {\n    experts E of swiglu(F = F)\n    route ${route}\n${more}  }\n}\n`

function graphOf(text: string, options: LowerOptions = {}): Graph {
  const { model, diagnostics } = checkSource({ path: 'test/lower/spec.smoe', text: `${imports}${text}` })
  expect(framed(diagnostics)).toBe('')
  return lower(model!, options)
}
const dims = { B: 2, S: 3 }
/** `like` gives the values of weights: those of a graph depend on the order of its weights. */
const run = (graph: Graph, like = graph): Record<string, HostTensor> => evaluate(graph, feedsOf(like, dims, { seed: 7 }))
const numbers = ({ values }: HostTensor): number[] => [...values]

describe('builtins', () => {
  const one = (expression: string, inputs: string): Graph =>
    graphOf(`model m(D: int = 6, F: int = 4) {\n  ${inputs}\n  output y = ${expression}\n}\n`)
  const of = (graph: Graph, inputs: Record<string, HostTensor>): number[] => numbers(evaluate(graph, { inputs, weights: {} }).y)
  const x: HostTensor = { shape: [2, 3], dtype: 'f32', values: Float64Array.of(1, 2, 3, 4, 5, 6) }

  test('cumsum along either axis', () => {
    expect(of(one('cumsum(x)', 'input x: f32[N, M]'), { x })).toEqual([1, 3, 6, 4, 9, 15])
    expect(of(one('cumsum(x, axis = 0)', 'input x: f32[N, 3]'), { x })).toEqual([1, 2, 3, 5, 7, 9])
  })
  test('take_rows of tables side by side', () => {
    const ids: HostTensor = { shape: [2, 2], dtype: 'i32', values: Float64Array.of(2, 0, 1, 1) }
    const table: HostTensor = { shape: [2, 3, 1], dtype: 'f32', values: x.values }
    expect(of(one('take_rows(x, ids)', 'input x: f32[N, 3, 1]\n  input ids: i32[N, 2]'), { x: table, ids })).toEqual([3, 1, 5, 5])
  })
  test('the smaller and the larger of two numbers known at compile time, and of an axis', () => {
    expect(of(one('x[0, 0] * min(D, F) + max(D, 2.5) + max(max(x))', 'input x: f32[N, M]'), { x })).toEqual([16])
    expect(of(one('iota(min(4, 9)) + iota(max(4, 2))', 'input x: f32[N, M]'), { x })).toEqual([0, 2, 4, 6])
  })
})

describe('weights of the experts', () => {
  const policy = `policy near(k: int in 1..E = 2, c: int in 1.. = 3) {
  param gate: f32[E, D]
  once {
    let v = svd_right(experts.gate)
    let chosen = top_k(abs(einsum("e n d, e d -> e n", v, gate)), min(c, D))
    let ev = mean(take_rows(v, chosen), axis = 1)
  }
  let s = softmax(x @ ev.T)
  select top k by s
  weigh pick(s, selected)
}
`
  test('are held by the path of the policy and the name of the let', () => {
    const graph = graphOf(`${policy}${modelOf('near()')}`)
    const holds = nodesOf(graph).flatMap((node) =>
      node.op === 'compute_at_load' ? [(node.params as { name: string }).name] : [],
    )
    expect(holds.sort()).toEqual(['moe.router.chosen', 'moe.router.ev', 'moe.router.v'])
    const bank = nodesOf(graph).filter(
      (node) => node.op === 'weight' && (node.params as { name: string }).name === 'moe.experts.gate',
    )
    expect(bank.length).toBe(1)
    expect(numbers(run(graph).y).every(Number.isFinite)).toBe(true)
  })
})

describe('keep', () => {
  const policy = (keep: string, when = ''): string => `policy some(k: int in 1..E = 3, most: real = 0.5) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  select top k by p
  let w = pick(p, selected)
  ${when}${keep}
  weigh w
}
`
  test('a slot that is not kept has no expert and no weight, and its answer counts nothing', () => {
    const all = graphOf(`${policy('')}${modelOf('some()')}`, { routes: true })
    const some = graphOf(`${policy('keep cumsum(w) - w < most')}${modelOf('some()')}`, { routes: true })
    const [whole, cut] = [run(all, some), run(some)]
    const weights = whole['moe.weights'].values
    const kept = [...weights].map((_, i) => [...weights.slice(i - (i % 3), i)].reduce((a, b) => a + b, 0) < 0.5)
    expect(kept.some((one) => !one)).toBe(true)
    expect(numbers(cut['moe.selected'])).toEqual([...whole['moe.selected'].values].map((id, i) => (kept[i] ? id : -1)))
    expect(numbers(cut['moe.weights'])).toEqual([...weights].map((w, i) => (kept[i] ? w : 0)))
    const weighed = graphOf(`${policy('').replace('weigh w', 'weigh where(cumsum(w) - w < most, w, 0)')}${modelOf('some()')}`)
    expect(relativeError(run(some, weighed).y.values, run(weighed).y.values)).toBeLessThan(1e-12)
  })
  test('an expert that reads its weights row by row has a place to read where there is no expert', () => {
    const expert =
      'expert biased(x: f32[T, D]) -> f32[T, D] {\n  param w: f32[D, D]\n  param b: f32[D]\n  return x @ w.T + b\n}\n'
    const made = run(graphOf(`${expert}${policy('keep w > 2')}${modelOf('some()').replace('swiglu(F = F)', 'biased()')}`))
    expect(numbers(made.y).every((value) => value === 0)).toBe(true)
  })
  test('where all are kept no guard is laid out', () => {
    expect(nodesOf(graphOf(`${policy('')}${modelOf('some()')}`)).some(({ op }) => op === 'select')).toBe(false)
  })
})

describe('competition', () => {
  const compete = `policy compete(k: int in 1..E = 2) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  when training at 0.5 {
    let s = mean(softplus(experts(x)))
    select top k by s
    let w = pick(s, selected)
    loss distill = mean(mean((p - stop(softmax(s))) * (p - stop(softmax(s)))))
  } else {
    let s = p
    select top k by s
    let w = pick(p, selected)
  }
  loss spread = sum(pick(s, selected)[0, :])
  weigh w / sum(w, keep = true)
}
`
  const dense = compete.replace('when training at 0.5 {', '').replace(/ {2}\} else \{[^}]*\}\n/, '')
  test('inference takes the other branch, and asks no expert twice', () => {
    const graph = graphOf(`${compete}${modelOf('compete()')}`)
    const plain = graphOf(modelOf('top_k()'))
    expect(nodesOf(graph).filter(({ op }) => op === 'grouped_matmul').length).toBe(3)
    expect(relativeError(run(graph, plain).y.values, run(plain).y.values)).toBeLessThan(1e-12)
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y'])
  })
  test('in training the winners answer once, and losses are outputs', () => {
    const graph = graphOf(`${compete}${modelOf('compete()')}`, { training: true })
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'loss.moe.router.spread', 'loss.moe.router.distill'])
    expect(nodesOf(graph).filter(({ op }) => op === 'grouped_matmul').length).toBe(3)
    const made = run(graph)
    expect(numbers(made['loss.moe.router.distill'])[0]).toBeGreaterThan(0)
    // the same by running the chosen experts again
    const again = graphOf(`${dense.replace('experts(x)', 'experts(x * 1)')}${modelOf('compete()')}`)
    expect(nodesOf(again).filter(({ op }) => op === 'grouped_matmul').length).toBe(6)
    expect(relativeError(made.y.values, run(again, graph).y.values)).toBeLessThan(1e-12)
  })
  test('a policy that competes without `when` does so at inference', () => {
    const [graph, trained] = [
      graphOf(`${dense}${modelOf('compete()')}`),
      graphOf(`${compete}${modelOf('compete()')}`, { training: true }),
    ]
    expect(relativeError(run(graph, trained).y.values, run(trained).y.values)).toBeLessThan(1e-12)
  })
  test('all experts, one token', () => {
    const graph = graphOf(`${dense}${modelOf('compete(k = E)')}`)
    const made = evaluate(graph, feedsOf(graph, { B: 1, S: 1 }, { seed: 3 }))
    expect(numbers(made.y).every(Number.isFinite)).toBe(true)
  })
})

describe('after `when training`', () => {
  test('a var is what the branch taken has made of it', () => {
    const policy = `policy two(k: int in 1..E = 2) {
  param gate: f32[E, D]
  var p = softmax(x @ gate.T)
  when training {
    p = p * 2
  } else {
    p = p + 1
  }
  select top k by p
  weigh pick(p, selected)
}
`
    const text = `${policy}${modelOf('two()')}`
    const [inference, training] = [{}, { training: true }].map(
      (options) => run(graphOf(text, { routes: true, ...options }))['moe.weights'].values,
    )
    for (const [i, value] of inference.entries()) expect(training[i]).toBeCloseTo((value - 1) * 2, 12)
  })
})
