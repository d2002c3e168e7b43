/** What models mean, on sizes small enough to compute by hand or in a few plain loops. */
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { relativeError } from '../support/compare.ts'
import { graphOf } from '../support/graph.ts'
import { feedsOf } from '../support/random.ts'
import { weightNodes } from '../support/weights.ts'

const graph = (text: string): Graph => graphOf({ path: 'test/lower/spec.smoe', text })
const tensor = (shape: readonly number[], values: readonly number[], dtype: HostTensor['dtype'] = 'f32'): HostTensor => ({
  shape,
  dtype,
  values: Float64Array.from(values),
})
const run = (made: Graph, inputs: Record<string, HostTensor>, weights: Record<string, HostTensor> = {}): number[] => [
  ...evaluate(made, { inputs, weights })[made.outputs[0].name].values,
]

const imports = `import { swiglu } from "std/experts/swiglu"
import { gelu_mlp } from "std/experts/gelu_mlp"
import { top_k } from "std/policies/top_k"
`

describe('values', () => {
  const one = (body: string, inputs = 'input x: f32[N]'): Graph =>
    graph(`model m(D: int = 6, H: int = 3) {\n  ${inputs}\n  ${body}\n}`)

  test('numbers, parameters and sizes of the run stand among tensors', () => {
    expect(run(one('output y = x * D / H + N'), { x: tensor([2], [1, 2]) })).toEqual([4, 6])
  })
  test('a number made of sizes that only the run knows', () => {
    expect(run(one('output y = x * (D / sqrt(N))'), { x: tensor([4], [1, 2, 3, 4]) })).toEqual([3, 6, 9, 12])
  })
  test('mean over an axis of the run', () => {
    expect(run(one('output y = mean(x)'), { x: tensor([4], [1, 2, 3, 6]) })).toEqual([3])
  })
  test('slices count from both ends', () => {
    expect(run(one('output y = x[1:-1:2]', 'input x: f32[6]'), { x: tensor([6], [0, 1, 2, 3, 4, 5]) })).toEqual([1, 3])
    expect(run(one('output y = x[:, -1]', 'input x: f32[N, 2]'), { x: tensor([2, 2], [0, 1, 2, 3]) })).toEqual([1, 3])
  })
  test('a product of three by einsum', () => {
    const made = one('output y = einsum("i, i j, j -> ", x, w, z)', 'input x: f32[2]\n  input z: f32[3]\n  input w: f32[2, 3]')
    expect(run(made, { x: tensor([2], [1, 2]), z: tensor([3], [1, 0, 1]), w: tensor([2, 3], [1, 2, 3, 4, 5, 6]) })).toEqual([24])
  })
  test('rearrange splits and joins', () => {
    const made = one('output y = rearrange(x, "(a b) -> (b a)", a = 2)', 'input x: f32[6]')
    expect(run(made, { x: tensor([6], [0, 1, 2, 3, 4, 5]) })).toEqual([0, 3, 1, 4, 2, 5])
  })
  test('rearrange joins and moves any number of axes, and makes axes of size 1', () => {
    const made = one('output y = rearrange(x, "... c -> (...) 1 c")', 'input x: f32[2, 1, 3]')
    expect(made.outputs[0].node.shape.map(({ key }) => key)).toEqual(['2', '1', '3'])
    expect(
      run(one('output y = rearrange(x, "a ... -> ... a")', 'input x: f32[2, 3]'), { x: tensor([2, 3], [0, 1, 2, 3, 4, 5]) }),
    ).toEqual([0, 3, 1, 4, 2, 5])
    expect(run(one('output y = rearrange(x, "... -> (...) 1")', 'input x: f32[2]'), { x: tensor([2], [1, 2]) })).toEqual([1, 2])
  })
  test('comparisons, where and cast', () => {
    expect(
      run(one('output y = where(x > 1.0 and not (x >= 3.0), x, -1) + cast(x == 0.0, "f32")'), { x: tensor([4], [0, 1, 2, 3]) }),
    ).toEqual([0, -1, 2, -1])
  })
  test('one_hot, top_k and pick', () => {
    expect(
      run(one('output y = sum(one_hot(top_k(x, 2), 3), axis = 0)', 'input x: f32[3]'), { x: tensor([3], [5, 1, 5]) }),
    ).toEqual([1, 0, 1])
    expect(run(one('output y = pick(x, top_k(x, 2))', 'input x: f32[3]'), { x: tensor([3], [5, 1, 7]) })).toEqual([7, 5])
  })
})

describe('repeats', () => {
  test('each turn has its own weights, and may choose by its index', () => {
    const made = graph(`model m(L: int = 3) {
  input x: f32[N]
  var h = x
  repeat layers[i] in 0..L {
    param a: f32[1]
    h = if i % 2 == 0 then h * a else h + a * i
  }
  output y = h
}`)
    const weights = Object.fromEntries([2, 5, 3].map((a, i) => [`layers.${i}.a`, tensor([1], [a])]))
    expect(run(made, { x: tensor([2], [1, 2]) }, weights)).toEqual([21, 27])
    expect(
      weightNodes(made)
        .map(({ params }) => params.name)
        .sort(),
    ).toEqual(['layers.0.a', 'layers.1.a', 'layers.2.a'])
  })
  test('no turn leaves a var as it was', () => {
    const made = graph(
      'model m(L: int = 0) {\n  input x: f32[N]\n  var h = x\n  repeat layers[i] in 0..L {\n    h = h + 1.0\n  }\n  output y = h\n}',
    )
    expect(run(made, { x: tensor([1], [4]) })).toEqual([4])
  })
})

describe('weights', () => {
  test('templates, slices and stacks become pieces', () => {
    const made = graph(`${imports}model m(D: int = 4, F: int = 3, E: int = 2, L: int = 2) {
  input x: f32[T, D]
  var h = x
  repeat layers[i] in 0..L {
    h = moe(h) {
      experts E of swiglu(F = F)
      route top_k(k = 1)
    }
  }
  output y = h
  weights {
    layers.{n}.moe.experts.{j}.gate = "block.{n}.{j}.gate"
    layers.{n}.moe.experts.up = "block.{n}.up"[:, ::2].T
    layers.{n}.moe.experts.{j}.down = "block.{n}.all"[j, n:n + D, 0:F]
  }
}`)
    const sources = Object.fromEntries(weightNodes(made).map(({ params }) => [params.name, params.source]))
    expect(sources['layers.1.moe.experts.gate']).toEqual({
      stacked: true,
      pieces: [0, 1].map((e) => ({ tensor: `block.1.${e}.gate`, slices: [], transpose: false })),
    })
    expect(sources['layers.1.moe.experts.up']).toEqual({
      stacked: false,
      pieces: [
        { tensor: 'block.1.up', slices: [{ kind: 'all' }, { kind: 'range', start: 0, stop: null, step: 2 }], transpose: true },
      ],
    })
    expect(sources['layers.1.moe.experts.down'].pieces[1]).toEqual({
      tensor: 'block.1.all',
      transpose: false,
      slices: [
        { kind: 'index', at: 1 },
        { kind: 'range', start: 1, stop: 5, step: 1 },
        { kind: 'range', start: 0, stop: 3, step: 1 },
      ],
    })
    expect(sources['layers.0.moe.router.gate']).toEqual({
      stacked: false,
      pieces: [{ tensor: 'layers.0.moe.router.gate', slices: [], transpose: false }],
    })
  })
  test('what nothing reads is no weight of the graph', () => {
    const made = graph(
      'import { attention } from "std/blocks/attention"\nmodel m(D: int = 8) {\n  input x: f32[B, S, D]\n  output y = attention(x, heads = 2)\n}',
    )
    expect(
      weightNodes(made)
        .map(({ params }) => params.name.split('.').at(-1))
        .sort(),
    ).toEqual(['k', 'o', 'q', 'v'])
  })
})

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0)
const rowOf = ({ shape, values }: HostTensor, ...at: number[]): Float64Array => {
  const width = shape.slice(at.length).reduce((all, size) => all * size, 1)
  const start = at.reduce((sum, index, axis) => sum * shape[axis] + index, 0) * width
  return values.subarray(start, start + width)
}

describe('experts', () => {
  const expert = `expert odd(x: f32[T, D], F: int) -> f32[T, D] {
  param up: f32[D, F]
  param up_bias: f32[F]
  param down: f32[D, F]
  param scale: f32[]
  let inner = maximum(x @ up + 2.0 * up_bias, 0.0)
  return (inner @ down.T) * scale + sum(down, axis = -1)
}
`
  const spec = (route: string, more = ''): string =>
    `${expert}import { top_k } from "std/policies/top_k"
model m(D: int = 5, F: int = 3, E: int = 4) {
  input x: f32[B, S, D]
  output y: f32[B, S, D] = moe(x) {
    experts E of odd(F = F)
    route ${route}
    ${more}
  }
}`.replace(/^(expert[\s\S]*?\n}\n)(import.*\n)/, '$2$1')

  /** One expert on one row, in plain words. */
  function answer(weights: Record<string, HostTensor>, prefix: string, index: readonly number[], x: ArrayLike<number>): number[] {
    const weight = (name: string): HostTensor => weights[`${prefix}.${name}`]
    const [up, down] = [weight('up'), weight('down')]
    const width = down.shape.at(-1)!
    const inner = Array.from({ length: width }, (_, f) =>
      Math.max(
        0,
        Array.from(x).reduce((sum, value, d) => sum + value * rowOf(up, ...index, d)[f], 0) +
          2 * rowOf(weight('up_bias'), ...index)[f],
      ),
    )
    return Array.from(
      x,
      (_, d) =>
        dot(inner, rowOf(down, ...index, d)) * rowOf(weight('scale'), ...index)[0] +
        rowOf(down, ...index, d).reduce((a, b) => a + b, 0),
    )
  }

  function expected(feeds: ReturnType<typeof feedsOf>, k: number, shared: boolean): number[] {
    const { x } = feeds.inputs
    const [b, s] = x.shape
    return Array.from({ length: b * s }, (_, t) => t).flatMap((t) => {
      const row = rowOf({ ...x, shape: [b * s, x.shape[2]] }, t)
      const gate = feeds.weights['moe.router.gate']
      const scores = Array.from({ length: 4 }, (_, e) => Math.exp(dot(row, rowOf(gate, e))))
      const total = scores.reduce((a, c) => a + c, 0)
      const chosen = scores
        .map((score, e) => ({ e, p: score / total }))
        .sort((a, c) => c.p - a.p || a.e - c.e)
        .slice(0, k)
      const sum = chosen.reduce((all, { p }) => all + p, 0)
      const parts = chosen.map(({ e, p }) => answer(feeds.weights, 'moe.experts', [e], row).map((value) => (value * p) / sum))
      if (shared) parts.push(answer(feeds.weights, 'moe.shared', [], row))
      return parts.reduce((all, part) => all.map((value, i) => value + part[i]))
    })
  }

  test.each([
    [1, false],
    [2, false],
    [4, true],
  ])('a bank of odd experts, k = %i, shared %s', (k, shared) => {
    const made = graph(spec(`top_k(k = ${k})`, shared ? 'shared 1 of odd(F = 6)' : 'require dropless'))
    const feeds = feedsOf(made, { B: 2, S: 3 })
    expect(relativeError(run(made, feeds.inputs, feeds.weights), expected(feeds, k, shared))).toBeLessThan(1e-12)
  })

  test('experts(x) asks every expert, and agrees with routing to all of them', () => {
    const asked = `policy all() {
  let answers = experts(x)
  select top E by mean(answers)
  weigh broadcast(1.0, [T, E])
}
`
    const made = graph(spec('all()').replace('expert odd', `${asked}expert odd`))
    const feeds = feedsOf(made, { B: 2, S: 3 })
    const { x } = feeds.inputs
    const want = Array.from({ length: 6 }, (_, t) => {
      const row = rowOf({ ...x, shape: [6, 5] }, t)
      return [0, 1, 2, 3]
        .map((e) => answer(feeds.weights, 'moe.experts', [e], row))
        .reduce((all, part) => all.map((value, i) => value + part[i]))
    }).flat()
    expect(relativeError(run(made, feeds.inputs, feeds.weights), want)).toBeLessThan(1e-12)
  })

  test('a policy may read the ids of the tokens', () => {
    const made = graph(`policy hashed() {
  let s = one_hot(ids % E, E)
  select top 1 by s
  weigh pick(s, selected)
}
expert times(x: f32[T, D]) -> f32[T, D] {
  param factor: f32[D]
  return x * factor
}
model m(D: int = 1, E: int = 3) {
  input tokens: i32[B, S]
  param embed: f32[9, D]
  output y = moe(take(embed, tokens)) {
    experts E of times()
    route hashed()
  }
}`)
    const weights = { embed: tensor([9, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1]), 'moe.experts.factor': tensor([3, 1], [10, 20, 30]) }
    expect(run(made, { tokens: tensor([1, 4], [4, 3, 8, 2], 'i32') }, weights)).toEqual([20, 10, 30, 30])
  })

  test('when not training, the other branch routes', () => {
    const made = graph(`${imports}policy both() {
  param gate: f32[E, D]
  let s = softmax(x @ gate.T)
  when training at 0.5 {
    select top 1 by mean(experts(x))
    weigh pick(s, selected)
  } else {
    select top 2 by s
    weigh pick(s, selected)
  }
}
model m(D: int = 4) {
  input x: f32[T, D]
  output y = moe(x) {
    experts 3 of gelu_mlp(F = 4)
    route both()
  }
}`)
    const selections = nodesOf(made).filter(({ op }) => op === 'top_k')
    expect(selections.map(({ shape }) => shape.map((size) => size.key))).toEqual([['T', '2']])
  })
})

test('a model of 32 layers stays small and folds its loop once', () => {
  const made = graph(`${imports}import { attention } from "std/blocks/attention"
import { rms_norm } from "std/blocks/norm"
model m(D: int = 32, L: int = 32) {
  input x: f32[B, S, D]
  var h = x
  repeat layers[i] in 0..L {
    h = h + attention(rms_norm(h) as attention_norm, heads = 4)
    h = h + moe(rms_norm(h) as moe_norm) {
      experts 8 of swiglu(F = 16)
      route top_k(k = 2)
    }
  }
  output y = h
}`)
  expect(nodesOf(made).length).toBeLessThan(32 * 130)
  expect(new Set(nodesOf(made).map(({ origin }) => origin.instance)).has('layers.31/moe/router')).toBe(true)
})
