/** Experts that are called as blocks are: what they compute, and where their weights lie. */
import { describe, expect, test } from 'vitest'
import { isOp, liveNodes } from '../../compiler/graph/walk.ts'
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { recipeOf } from '../../compiler/recipe.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'

const IMPORTS = `import { swiglu, swiglu as gated } from "std/experts/swiglu"
import { swiglu_mlp } from "std/blocks/mlp"
import { top_k } from "std/policies/top_k"
`

function modelOf(body: string, declarations = ''): Model {
  const text = `${IMPORTS}${declarations}
model m(D: int = 4, F: int = 6) {
  input x: f32[B, S, D]
${body}
}
`
  const { model, diagnostics } = checkSource({ path: 'test/lower/dense.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  return model
}

const weightsIn = (model: Model): readonly string[] =>
  liveNodes(lower(model))
    .flatMap((node) => (isOp(node, 'weight') ? [node.params.name] : []))
    .sort()

function outputOf(model: Model) {
  const graph = lower(model)
  return evaluate(graph, feedsOf(graph, { B: 2, S: 3 }, { seed: 5 })).y
}

const named = (path: string): readonly string[] => ['down', 'gate', 'up'].map((name) => `${path}.${name}`)

describe('an expert that is called', () => {
  test('computes what the block of its formula computes, on every axis before the last', () => {
    const [expert, block] = ['swiglu(x, F = F)', 'swiglu_mlp(x, F = F) as swiglu'].map((call) =>
      outputOf(modelOf(`  output y = ${call}`)),
    )
    expect(expert.shape).toEqual([2, 3, 4])
    expect([...expert.values]).toEqual([...block.values])
  })

  test('computes what a routed layer of one expert computes', () => {
    const routed = modelOf('  output y = moe(x) {\n    experts 1 of swiglu(F = F)\n    route top_k(k = 1)\n  }')
    const graphs = [modelOf('  output y = swiglu(x, F = F)'), routed].map((model) => lower(model))
    const feeds = feedsOf(graphs[0], { B: 2, S: 3 }, { seed: 5 })
    const gate = feedsOf(graphs[1], { B: 2, S: 3 }, { seed: 5 }).weights
    const banked = Object.fromEntries(
      Object.entries(feeds.weights).map(([name, tensor]) => [
        name.replace('swiglu', 'moe.experts'),
        { ...tensor, shape: [1, ...tensor.shape] },
      ]),
    )
    const [dense, layer] = [
      evaluate(graphs[0], feeds).y,
      evaluate(graphs[1], { inputs: feeds.inputs, weights: { ...gate, ...banked } }).y,
    ]
    layer.values.forEach((value, at) => expect(value).toBeCloseTo(dense.values[at], 12))
  })

  test('has weights named as those of a block: by the declaration, or by its label', () => {
    expect(weightsIn(modelOf('  output y = gated(x, F = F)'))).toEqual(named('swiglu'))
    expect(weightsIn(modelOf('  output y = swiglu(x = x, F = F) as wide'))).toEqual(named('wide'))
    const stacked = modelOf(
      '  var h = x\n  repeat layers[i] in 0..2 {\n    h = h + swiglu(h, F = F)\n  }\n  output y = h\n' +
        '  weights {\n    layers.{i}.swiglu.gate = "model.{i}.w1"\n  }',
    )
    expect(weightsIn(stacked)).toEqual([...named('layers.0.swiglu'), ...named('layers.1.swiglu')])
    expect(
      liveNodes(lower(stacked)).flatMap((node) =>
        isOp(node, 'weight') && node.params.name.endsWith('gate') ? [node.params.source.pieces[0].tensor] : [],
      ),
    ).toEqual(['model.0.w1', 'model.1.w1'])
  })

  test('stands beside a routed layer of the same experts, which has its own', () => {
    const model = modelOf(
      '  let h = swiglu(x, F = F)\n  output y = moe(h) {\n    experts 2 of swiglu(F = F)\n    route top_k(k = 1)\n  }',
    )
    expect(weightsIn(model)).toEqual([...named('moe.experts'), 'moe.router.gate', ...named('swiglu')])
  })

  test('learns', () => {
    const model = modelOf(
      '  output y = swiglu(x, F = F)\n  train {\n    loss size = mean(mean(mean(y * y)))\n    optimiser sgd(rate = 0.1)\n    batch B = 2, S = 3\n  }',
    )
    expect(
      recipeOf(model)!
        .weights.map(({ name, rate, initialiser }) => [name, rate, initialiser.kind])
        .sort(),
    ).toEqual(named('swiglu').map((name) => [name, 1, 'fan']))
  })
})

describe('an expert in another declaration', () => {
  const TWICE =
    'expert twice(x: f32[T, D], F: int in 1..) -> f32[T, D] {\n  return swiglu(x, F = F) + swiglu(x, F = F) as other\n}\n'

  test('of an expert has weights in the bank of that one', () => {
    const model = modelOf('  output y = moe(x) {\n    experts 3 of twice(F = F)\n    route top_k(k = 2)\n  }', TWICE)
    expect(weightsIn(model)).toEqual([...named('moe.experts.other'), ...named('moe.experts.swiglu'), 'moe.router.gate'])
    const graph = lower(model)
    const feeds = feedsOf(graph, { B: 2, S: 3 }, { seed: 5 })
    const same = (name: string): string => name.replace('other', 'swiglu')
    const halves = {
      ...feeds,
      weights: Object.fromEntries(Object.keys(feeds.weights).map((name) => [name, feeds.weights[same(name)]])),
    }
    const single = lower(modelOf('  output y = moe(x) {\n    experts 3 of swiglu(F = F)\n    route top_k(k = 2)\n  }'))
    const one = evaluate(single, {
      inputs: feeds.inputs,
      weights: Object.fromEntries(
        Object.entries(feeds.weights).map(([name, tensor]) => [name.replace('experts.swiglu', 'experts'), tensor]),
      ),
    }).y
    evaluate(graph, halves).y.values.forEach((value, at) => expect(value).toBeCloseTo(2 * one.values[at], 10))
  })

  test('of a block or a policy lies under its path', () => {
    const block = 'block part(x: f32[..., D]) -> f32[..., D] {\n  return swiglu(x, F = 3)\n}\n'
    expect(weightsIn(modelOf('  output y = part(x)', block))).toEqual(named('part.swiglu'))
    const policy =
      'policy seen(k: int in 1..E = 1) {\n  param key: f32[E, D]\n  let p = softmax(swiglu(x, F = 3) @ key.T)\n  select top k by p\n  weigh pick(p, selected)\n}\n'
    const model = modelOf('  output y = moe(x) {\n    experts 2 of swiglu(F = F)\n    route seen()\n  }', policy)
    expect(weightsIn(model)).toEqual([...named('moe.experts'), 'moe.router.key', ...named('moe.router.swiglu')])
  })
})

test('weights of what stands in the arguments of a call are not those of the call', () => {
  const lin =
    'block lin(x: f32[..., D]) -> f32[..., D] {\n  param q: f32[D, D]\n  return x @ q.T\n}\nblock half(x: f32[..., D]) -> f32[..., D] {\n  return x * 0.5\n}\n'
  const model = modelOf('  output y = relu(lin(x) as a) + relu(lin(x) as b) + half(lin(x) as c) + half(lin(x) as d)', lin)
  expect(weightsIn(model)).toEqual(['a.q', 'b.q', 'c.q', 'd.q'])
})
