/** Graphs of a step of training: what is reported, who competes, what is random, and what is safe beside dropped slots. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { print } from '../../compiler/graph/print.ts'
import { isOp, nodesOf } from '../../compiler/graph/walk.ts'
import { lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'
import { assertProperty } from '../support/property.ts'

function graphOf(text: string, options: LowerOptions = {}): Graph {
  const { model, diagnostics } = checkSource({ path: 'test/lower/spec.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  return lower(model, options)
}

const names = ({ outputs }: Graph): readonly string[] => outputs.map(({ name }) => name)
const inputs = (graph: Graph): readonly string[] => graph.inputs.map(({ params }) => params.name)
const streams = (graph: Graph): readonly number[] =>
  nodesOf(graph).flatMap((node) => (isOp(node, 'random') ? [node.params.stream] : []))

const competePolicy = `import { swiglu } from "std/experts/swiglu"
policy compete(k: int in 1..E = 2) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  when training at 0.5 after 0.1, at_most 1 layers a step {
    let s = mean(softplus(experts(x)))
    select top k by s
    weigh pick(s, selected)
    loss distil = mean(mean((p - stop(s)) * (p - stop(s))))
  } else {
    select top k by noisy(p, 0.1)
    weigh pick(p, selected)
  }
}
`
const train = `  train {
    input targets: i32[B, S]
    let flat = mean(mean(mean(logits * logits)))
    loss next = cross_entropy(logits, targets)
    loss size = 0.01 * flat
    metric accuracy = accuracy(logits, targets)
    optimiser adamw(rate = 0.01)
    batch B = 2, S = 3
  }
`
const model = (moe: string, block = train, rate = '0.0'): string => `model m(V: int = 7, D: int = 4, E: int = 4, L: int = 2) {
  input tokens: i32[B, S]
  param embed: f32[V, D]
  var h = take(embed, tokens)
  repeat layers[i] in 0..L {
    h = h + dropout(${moe}, ${rate})
  }
  output logits: f32[B, S, V] = h @ embed.T
${block}}
`
const competing = `${competePolicy}${model('moe(h) {\n experts E of swiglu(F = 3)\n route compete()\n }')}`
const dropping = `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"
${model('moe(h) {\n experts E of swiglu(F = 3)\n route top_k()\n require capacity 0.5 overflow drop\n require bias balanced at 0.01\n }')}`

describe('what is reported', () => {
  test('in training losses and metrics, and the inputs of both', () => {
    const graph = graphOf(competing, { training: true })
    expect(inputs(graph)).toEqual(['tokens', 'targets'])
    expect(names(graph)).toEqual([
      'loss.layers.0.moe.router.distil',
      'loss.layers.1.moe.router.distil',
      'loss.next',
      'loss.size',
      'metric.accuracy',
    ])
  })
  test('at inference nothing of it', () => {
    const [graph, plain] = [graphOf(competing), graphOf(competing.replace(train, ''))]
    expect([inputs(graph), names(graph)]).toEqual([['tokens'], ['logits']])
    expect(print(graph)).toBe(print(plain))
  })
  test('of a model as it is at inference, without the policies', () => {
    const graph = graphOf(competing, { evaluation: true })
    expect([inputs(graph), names(graph)]).toEqual([
      ['tokens', 'targets'],
      ['loss.next', 'loss.size', 'metric.accuracy'],
    ])
    const feeds = feedsOf(graph, { B: 2, S: 3 }, { seed: 4, vocabulary: 7 })
    const { logits } = evaluate(graphOf(competing), feeds)
    const rows = Array.from({ length: 6 }, (_, t) => [...logits.values.subarray(7 * t, 7 * t + 7)])
    const targets = [...feeds.inputs.targets.values]
    const surprise = rows.map((row, t) => Math.log(row.reduce((sum, one) => sum + Math.exp(one), 0)) - row[targets[t]])
    const made = evaluate(graph, feeds)
    expect(made['loss.next'].values[0]).toBeCloseTo(surprise.reduce((sum, one) => sum + one, 0) / 6, 12)
    expect(made['metric.accuracy'].values[0]).toBeCloseTo(
      rows.filter((row, t) => row.indexOf(Math.max(...row)) === targets[t]).length / 6,
      12,
    )
  })
  test('the cross-entropy of huge logits is finite', () => {
    const text = 'model m() {\n  input x: f32[N, 3]\n  input ids: i32[N]\n  output y = cross_entropy(x, ids)\n}'
    const x: HostTensor = { shape: [2, 3], dtype: 'f32', values: Float64Array.from([1e4, 0, -1e4, -1e4, 0, 1e4]) }
    const made = evaluate(graphOf(text), {
      inputs: { x, ids: { shape: [2], dtype: 'i32', values: Float64Array.from([0, 0]) } },
      weights: {},
    })
    expect([...made.y.values]).toEqual([1e4])
  })
})

describe('who competes', () => {
  test('a list names the layers that do now; the others go their other way', () => {
    const of = (training: LowerOptions['training']): readonly string[] =>
      names(graphOf(competing, { training })).filter((name) => name.includes('distil'))
    expect(of([])).toEqual([])
    expect(of(['layers.1/moe'])).toEqual(['loss.layers.1.moe.router.distil'])
    expect(of(['layers.0/moe', 'layers.1/moe'])).toEqual(of(true))
  })
  test('where there is no rate, every layer does in every step', () => {
    const text = competing.replace(' at 0.5 after 0.1, at_most 1 layers a step', '')
    expect(print(graphOf(text, { training: [] }))).toBe(print(graphOf(text, { training: true })))
  })
  test('what is held and learned is made anew where a model is told of while it learns', () => {
    const text = `${competePolicy.replace('let p = softmax(x @ gate.T)', 'once {\n    let doubled = gate * 2\n  }\n  let p = softmax(x @ doubled.T)')}${model('moe(h) {\n experts E of swiglu(F = 3)\n route compete()\n }')}`
    const holds = (options: LowerOptions): number =>
      nodesOf(graphOf(text, options)).filter(({ op }) => op === 'compute_at_load').length
    expect([holds({}), holds({ training: true }), holds({ evaluation: true })]).toEqual([2, 2, 0])
  })
})

describe('chance', () => {
  test('every draw has a stream of its own, which no other use changes', () => {
    const all = streams(graphOf(competing, { training: [] }))
    expect(new Set(all).size).toBe(4)
    const one = streams(graphOf(competing, { training: ['layers.0/moe'] }))
    expect(all.slice(2)).toEqual(one)
    expect(streams(graphOf(competing))).toEqual([])
  })
  test('seed and step are one input', () => {
    const graph = graphOf(competing, { training: [] })
    expect(inputs(graph)).toEqual(['tokens', 'targets', 'random'])
    expect(graph.inputs[2].shape.map(({ key }) => key)).toEqual(['2'])
  })
  const over = (body: string, training = true): Graph =>
    graphOf(
      `model m() {
  input x: f32[N]
  output y = ${body}
  train {
    loss all = sum(y)
    optimiser sgd(rate = 0.1)
    batch N = 8
  }
}`,
      { training },
    )
  const feeds = (seed: number, step: number, count: number): Feeds => ({
    inputs: {
      x: { shape: [count], dtype: 'f32', values: new Float64Array(count).fill(1) },
      random: { shape: [2], dtype: 'i32', values: Float64Array.from([seed, step]) },
    },
    weights: {},
  })
  const yOf = (graph: Graph, given: Feeds): number[] => {
    const node = nodesOf(graph).findLast(({ op }) => op === 'sum')!.inputs[0]
    return [...evaluate({ ...graph, outputs: [{ name: 'y', doc: '', node }] }, given).y.values]
  }
  test('dropout leaves out its share and makes up for it', () => {
    const graph = over('dropout(x, 0.25)')
    assertProperty(
      fc.property(fc.nat(1000), (seed) => {
        const y = yOf(graph, feeds(seed, 1, 4096))
        expect(new Set(y)).toEqual(new Set([0, 1 / 0.75]))
        expect(y.filter((one) => one === 0).length / 4096).toBeGreaterThan(0.2)
        expect(y.filter((one) => one === 0).length / 4096).toBeLessThan(0.3)
        expect(yOf(graph, feeds(seed, 2, 4096))).not.toEqual(y)
        expect(yOf(graph, feeds(seed, 1, 4096))).toEqual(y)
      }),
      5,
    )
  })
  test('noise is normal', () => {
    const y = yOf(over('noisy(x, 2.0)'), feeds(3, 1, 8192)).map((one) => (one - 1) / 2)
    const mean = y.reduce((sum, one) => sum + one, 0) / y.length
    const square = y.reduce((sum, one) => sum + one * one, 0) / y.length
    expect(Math.abs(mean)).toBeLessThan(0.05)
    expect(Math.abs(square - 1)).toBeLessThan(0.06)
    expect(y.filter((one) => Math.abs(one) > 2).length / y.length).toBeGreaterThan(0.03)
  })
  test('nothing is drawn where nothing is random', () => {
    expect(inputs(over('noisy(dropout(x, 0.0), 0)'))).toEqual(['x'])
    expect(inputs(over('noisy(dropout(x, 0.5), 1)', false))).toEqual(['x'])
  })
  test('dropout inside of an expert is drawn for each row', () => {
    const text = `expert leaky(x: f32[T, D], F: int) -> f32[T, D] {
  param up: f32[F, D]
  param down: f32[D, F]
  return dropout(relu(x @ up.T), 0.5) @ dropout(down, 0.1).T
}
import`
    const spec = `${text.replace('import', '')}${model('moe(h) {\n experts E of leaky(F = 3)\n route top_k()\n }')}`
    const graph = graphOf(`import { top_k } from "std/policies/top_k"\n${spec}`, { training: true })
    expect(nodesOf(graph).flatMap((node) => (isOp(node, 'random') ? [node.shape.map(({ key }) => key).join(',')] : []))).toEqual([
      '2*B*S,3',
      '4,4,3',
      '2*B*S,3',
      '4,4,3',
    ])
  })
})

describe('slots that are dropped', () => {
  test('rows without an expert are 0 before anything else reads them, in training alone', () => {
    const guards = (graph: Graph): number =>
      nodesOf(graph).filter(({ op, inputs: [, product] }) => op === 'select' && product?.op === 'grouped_matmul').length
    expect(guards(graphOf(dropping, { training: true }))).toBe(6)
    expect(guards(graphOf(dropping))).toBe(0)
    expect(guards(graphOf(dropping.replace(' require capacity 0.5 overflow drop\n', ''), { training: true }))).toBe(0)
  })
  test('no gradient depends on what a device leaves in them', () => {
    const graph = differentiate(graphOf(dropping, { training: true }))
    const made = evaluate(graph, feedsOf(graph, { B: 2, S: 5 }, { seed: 2, vocabulary: 7 }))
    for (const { name } of graph.outputs) expect(made[name].values.every(Number.isFinite)).toBe(true)
    expect(made['gradient.layers.0.moe.router.balance_bias'].values.every((one) => one === 0)).toBe(true)
  })
})
