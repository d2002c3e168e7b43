/** Several `when training` in one policy: what each graph does, by the blocks that happen in it. */
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { print } from '../../compiler/graph/print.ts'
import { isOp, nodesOf } from '../../compiler/graph/walk.ts'
import { layersOf, lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'
import { policySpec } from './policy.ts'

function modelOf(policy: string): Model {
  const { model, diagnostics } = checkSource({ path: 'test/lower/blocks.smoe', text: policySpec(policy) })
  if (model === null) throw new Error(framed(diagnostics))
  return model
}

const graphOf = (policy: string, options: LowerOptions = {}): Graph => lower(modelOf(policy), options)

/** Without a `train` block the graph of a step gives what the model gives. */
const outputs = (policy: string, options: LowerOptions): readonly number[] => {
  const graph = graphOf(policy, options)
  return [...evaluate(graph, feedsOf(graph, { B: 5 }, { seed: 3 })).y.values]
}

const choice = (scores: string): string => `  let p = softmax(${scores})\n  select top k by p\n  weigh pick(p, selected)`

describe('a var', () => {
  const jittered = (body: string): string => `  var seen = x\n${body}\n${choice('seen @ gate.T')}`

  test('that a block without an else gives anew has the new value in training, and in training alone', () => {
    const policy = jittered('  when training {\n    seen = seen * 3\n  }')
    expect(outputs(policy, { training: true })).toEqual(outputs(choice('(x * 3) @ gate.T'), {}))
    expect(outputs(policy, {})).toEqual(outputs(choice('x @ gate.T'), {}))
    expect(outputs(policy, { evaluation: true })).toEqual(outputs(policy, {}))
  })

  test('later blocks see what earlier ones have made', () => {
    const policy = jittered('  when training at 0.5 {\n    seen = seen * 3\n  }\n  when training {\n    seen = seen + 1\n  }')
    expect(outputs(policy, { training: ['moe'] })).toEqual(outputs(choice('(x * 3 + 1) @ gate.T'), {}))
    expect(outputs(policy, { training: [] })).toEqual(outputs(choice('(x + 1) @ gate.T'), {}))
    expect(outputs(policy, {})).toEqual(outputs(choice('x @ gate.T'), {}))
  })

  test('that is a real number may differ', () => {
    const policy = `  var t = 1.0\n  when training {\n    t = 2.0\n  }\n${choice('x @ gate.T / t')}`
    expect(outputs(policy, { training: true })).toEqual(outputs(choice('x @ gate.T / 2.0'), {}))
    expect(outputs(policy, {})).toEqual(outputs(choice('x @ gate.T / 1.0'), {}))
  })
})

describe('blocks with rates of their own', () => {
  const policy = `  var seen = x
  when training at 0.25 {
    seen = seen * 3
  } else {
    seen = seen * 5
  }
  when training at 0.5 after 0.1, all layers together {
    seen = seen + 1
  }
${choice('seen @ gate.T')}`

  test('are told in the order of the text', () => {
    expect(layersOf(modelOf(policy))).toMatchObject([
      {
        layer: 'moe',
        competition: { rate: 0.25, after: 0, atMost: null },
        further: [{ rate: 0.5, after: 0.1, atMost: null, together: true }],
      },
    ])
    expect(Object.keys(layersOf(modelOf(choice('x @ gate.T')))[0])).not.toContain('further')
  })

  test.each([
    [[], '(x * 5) @ gate.T'],
    [['moe'], '(x * 3) @ gate.T'],
    [['moe#2'], '(x * 5 + 1) @ gate.T'],
    [['moe', 'moe#2'], '(x * 3 + 1) @ gate.T'],
  ])('%s happen', (training, scores) => {
    expect(outputs(policy, { training })).toEqual(outputs(choice(scores), {}))
  })
})

describe('what is selected', () => {
  test('by one block, and after it otherwise: the name stands for what each form has selected', () => {
    const policy =
      '  let p = softmax(x @ gate.T)\n  when training {\n    select top k by -p\n  }\n  select top k by p\n  weigh pick(p, selected)'
    const training = '  let p = softmax(x @ gate.T)\n  select top k by -p\n  weigh pick(p, selected)'
    expect(outputs(policy, { training: true })).toEqual(outputs(training, {}))
    expect(outputs(policy, {})).toEqual(outputs(choice('x @ gate.T'), {}))
  })

  test('by one block and weighed by another', () => {
    const policy = `  let p = softmax(x @ gate.T)
  when training {
    select top k by -p
  } else {
    select top k by p
  }
  when training at 0.5 {
    weigh pick(p, selected) * 2
  } else {
    weigh pick(p, selected)
  }`
    const of = (scores: string, factor: string): readonly number[] =>
      outputs(`  let p = softmax(x @ gate.T)\n  select top k by ${scores}\n  weigh pick(p, selected) * ${factor}`, {})
    expect(outputs(policy, { training: ['moe'] })).toEqual(of('-p', '2'))
    expect(outputs(policy, { training: [] })).toEqual(of('-p', '1'))
    expect(outputs(policy, {})).toEqual(of('p', '1'))
  })
})

test('a second block changes no draw of the first', () => {
  const streams = (graph: Graph): readonly number[] =>
    nodesOf(graph).flatMap((node) => (isOp(node, 'random') ? [node.params.stream] : []))
  const first = '  var seen = x\n  when training {\n    seen = seen + uniform([T, D])\n  }\n'
  const one = streams(graphOf(`${first}${choice('seen @ gate.T')}`, { training: true }))
  const two = streams(
    graphOf(`${first}  when training {\n    seen = seen + uniform([T, D])\n  }\n${choice('seen @ gate.T')}`, { training: true }),
  )
  expect(one.length).toBe(1)
  expect(two).toContain(one[0])
  expect(print(graphOf(`${first}${choice('seen @ gate.T')}`))).toBe(print(graphOf(choice('x @ gate.T'))))
})
