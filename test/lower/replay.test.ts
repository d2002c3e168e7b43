/** Decisions that are given in the place of those that policies make. */
import { describe, expect, test } from 'vitest'
import { lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { liveNodes } from '../../compiler/graph/walk.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'

type Feeds = Pick<ReturnType<typeof feedsOf>, 'inputs' | 'weights'>

const spec = (clauses: string): string => `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

policy share(k: int in 1..E = 3) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  select top k by p
  keep cumsum(pick(p, selected)) - pick(p, selected) < 0.4
  weigh pick(p, selected)
}

policy loudest(k: int in 1..E = 2) {
  let s = mean(softplus(experts(x)))
  select top k by s
  weigh softmax(pick(s, selected))
}

model m(D: int = 8, F: int = 12, E: int = 6) {
  input x: f32[B, S, D]
  output y = moe(x) {
    experts E of swiglu(F = F)
    ${clauses.replaceAll('; ', '\n    ')}
  }
}
`

const cases = [
  'route top_k(k = 2)',
  'route share()',
  'route loudest()',
  'route top_k(k = 2); require capacity 0.75 overflow drop',
  'route share(); require capacity 0.75 overflow next',
  'route top_k(k = 2); shared 2 of swiglu(F = F); require capacity 0.5 overflow shared',
  'route top_k(k = 2); require at most 3 tokens an expert',
  'route top_k(k = 2); require groups 3 keep 2; require balanced within 25%',
  'route top_k(k = 2); require expert choice',
]

function lowered(clauses: string, options: LowerOptions): Graph {
  const { model, diagnostics } = checkSource({ path: 'test/lower/spec.smoe', text: spec(clauses) })
  expect(framed(diagnostics)).toBe('')
  return lower(model!, options)
}

/** What the first graph has decided beside what it was given. */
function withRoutes({ inputs, weights }: Feeds, graph: Graph, outputs: Readonly<Record<string, HostTensor>>): Feeds {
  const [ports] = graph.replayed!
  const names = [ports.selected, ports.weights, ...(ports.spilled === null ? [] : [ports.spilled])]
  return { weights, inputs: { ...inputs, ...Object.fromEntries(names.map((name) => [name, outputs[name]])) } }
}

describe.each(cases)('%s', (clauses) => {
  const [made, given] = [lowered(clauses, { routes: true }), lowered(clauses, { routes: 'replayed' })]

  test('what was decided, given back, makes the same numbers', () => {
    for (const dims of [
      { B: 2, S: 9 },
      { B: 1, S: 1 },
    ]) {
      const feeds = feedsOf(made, dims, { seed: 4 })
      const outputs = evaluate(made, feeds)
      expect(evaluate(given, withRoutes(feeds, given, outputs)).y.values).toEqual(outputs.y.values)
    }
  })

  test('it is the inputs that decide', () => {
    const feeds = feedsOf(made, { B: 1, S: 5 }, { seed: 4 })
    const outputs = evaluate(made, feeds)
    const { selected } = given.replayed![0]
    const ids = outputs[selected].values
    const other = {
      ...outputs,
      [selected]: {
        ...outputs[selected],
        values: ids.map((expert, at) => (at < outputs[selected].shape[1] && expert >= 0 ? (expert + 1) % 6 : expert)),
      },
    }
    const y = evaluate(given, withRoutes(feeds, given, other)).y.values
    expect(y.subarray(0, 8)).not.toEqual(outputs.y.values.subarray(0, 8))
    expect(y.subarray(8)).toEqual(outputs.y.values.subarray(8))
  })

  test('a graph says what it was told, and what is required of it', () => {
    expect(made.replayed).toBeUndefined()
    expect(given.routes).toBeUndefined()
    expect(given.replayed).toEqual(made.routes)
    expect(given.outputs.map(({ name }) => name)).toEqual(['y'])
  })
})

test('the router takes no part in a replay', () => {
  const weights = liveNodes(lowered('route top_k(k = 2)', { routes: 'replayed' })).flatMap((node) =>
    node.op === 'weight' ? [node.params.name] : [],
  )
  expect(weights.filter((name) => name.includes('router'))).toEqual([])
})

test('a slot may be dropped where the policy drops none', () => {
  const given = lowered('route top_k(k = 2)', { routes: 'replayed' })
  const feeds = feedsOf(lowered('route top_k(k = 2)', {}), { B: 1, S: 2 }, { seed: 4 })
  const routed = (ids: readonly number[], weights: readonly number[]): Float64Array =>
    evaluate(given, {
      weights: feeds.weights,
      inputs: {
        ...feeds.inputs,
        'moe.selected': { shape: [2, 2], dtype: 'i32', values: Float64Array.from(ids) },
        'moe.weights': { shape: [2, 2], dtype: 'f32', values: Float64Array.from(weights) },
      },
    }).y.values
  expect(routed([1, -1, 3, 4], [0.5, 0, 0.25, 0.75])).toEqual(routed([1, 2, 3, 4], [0.5, 0, 0.25, 0.75]))
  expect(routed([-1, -1, -1, -1], [0, 0, 0, 0])).toEqual(new Float64Array(16))
})

describe('what is required of decisions stands beside them', () => {
  const promises = (clauses: string): unknown => lowered(clauses, { routes: true }).routes![0].promises
  const none = { answersAll: null, most: null, groups: null, within: null }

  test.each<readonly [string, object]>([
    ['route top_k(k = 2)', {}],
    ['route top_k(k = 2); require dropless', { answersAll: { text: 'dropless' } }],
    ['route top_k(k = 2); require each token 2 experts', { answersAll: { text: 'each token 2 experts' } }],
    ['route top_k(k = 2); require groups 3 keep 1', { groups: { text: 'groups 3 keep 1', count: 3, keep: 1 } }],
    ['route top_k(k = 2); require balanced within 12.5%', { within: 12.5 }],
    ['route top_k(k = 2); require capacity 3 overflow drop', {}],
    [
      'route top_k(k = 2); require at most 3 tokens an expert',
      { most: { text: 'at most 3 tokens an expert', tokens: expect.objectContaining({ key: '3' }) } },
    ],
    [
      'route top_k(k = 2); require capacity 0.75 overflow drop',
      { most: { text: 'capacity 0.75 overflow drop', tokens: expect.objectContaining({ key: expect.stringContaining('B*S') }) } },
    ],
    [
      'route top_k(k = 2); require expert choice',
      { most: { text: 'expert choice', tokens: expect.objectContaining({ key: expect.stringContaining('B*S') }) } },
    ],
  ])('%s', (clauses, wanted) => expect(promises(clauses)).toEqual({ ...none, ...wanted }))
})

describe('only what has to be checked is read back', () => {
  test('where something is required of a load', () => {
    const { routes, outputs } = lowered('route top_k(k = 2); require balanced within 5%', { routes: 'required' })
    expect(routes?.map(({ layer }) => layer)).toEqual(['moe'])
    expect(outputs.map(({ name }) => name)).toEqual(['y', 'moe.selected', 'moe.weights'])
  })

  test('and nothing elsewhere', () => {
    const graph = lowered('route top_k(k = 2); require dropless', { routes: 'required' })
    expect([graph.routes, graph.outputs.map(({ name }) => name)]).toEqual([undefined, ['y']])
  })
})
