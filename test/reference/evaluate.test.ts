import { describe, expect, it } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { evaluate, evaluateNodes } from '../../compiler/reference/evaluate.ts'
import { EvaluationError, swapLastTwo, tensorOf, type HostTensor } from '../../compiler/reference/tensor.ts'

const graphOf = (body: string): Graph => parse(`graph "g"\n${body}`, createBuilder().make)

const f32 = (shape: number[], values: number[]): HostTensor => tensorOf(shape, 'f32', values)
const i32 = (shape: number[], values: number[]): HostTensor => tensorOf(shape, 'i32', values)

const EMBED = graphOf(`dim B
dim S
%0 = input name "tokens" : i32[B, S]
%1 = input name "scale" : f32[S]
%2 = weight name "embed" source ["embed"] doc "" : f32[3, 2]
%3 = take(%2, %0) : f32[B, S, 2] @ "embedding"
%4 = broadcast(%1) axes [1] : f32[B, S, 2]
%5 = multiply(%3, %4) : f32[B, S, 2]
%6 = sum(%5) axis 1 : f32[B, 2]
output "h" = %6
`)

const feeds = {
  inputs: { tokens: i32([1, 2], [2, 0]), scale: f32([2], [1, 10]) },
  weights: { embed: f32([3, 2], [1, 2, 3, 4, 5, 6]) },
}

describe('evaluate', () => {
  it('binds dims by the shapes of inputs', () => {
    expect(evaluate(EMBED, feeds).h).toEqual(f32([1, 2], [15, 26]))
    const three = { ...feeds, inputs: { tokens: i32([2, 3], [0, 0, 0, 1, 1, 1]), scale: f32([3], [1, 1, 1]) } }
    expect(evaluate(EMBED, three).h).toEqual(f32([2, 2], [3, 6, 9, 12]))
    const none = { ...feeds, inputs: { tokens: i32([0, 2], []), scale: f32([2], [1, 1]) } }
    expect(evaluate(EMBED, none).h).toEqual(f32([0, 2], []))
  })

  it('binds a dim that stands inside another size, once an axis of its own says it', () => {
    const graph = graphOf('dim B\n%0 = input name "rows" : f32[2*B]\n%1 = input name "b" : f32[B]\noutput "rows" = %0\n')
    expect(evaluate(graph, { inputs: { rows: f32([4], [1, 2, 3, 4]), b: f32([2], [0, 0]) }, weights: {} }).rows.shape).toEqual([
      4,
    ])
    expect(() => evaluate(graph, { inputs: { rows: f32([5], [1, 2, 3, 4, 5]), b: f32([2], [0, 0]) }, weights: {} })).toThrow(
      'the input rows is declared f32[2*B]: axis 0 is 2*B = 4, it was given [5]',
    )
  })

  type Inputs = Record<string, HostTensor>
  it.each<[string, Inputs, Inputs, string]>([
    ['a missing input', { tokens: feeds.inputs.tokens }, feeds.weights, 'the input scale is missing; given are tokens'],
    ['a missing weight', feeds.inputs, {}, 'the weight embed is missing'],
    [
      'dims that disagree',
      { ...feeds.inputs, scale: f32([3], [1, 1, 1]) },
      feeds.weights,
      'dimension S is 2 by axis 1 of tokens, but 3 by axis 0 of scale',
    ],
    [
      'another rank',
      { ...feeds.inputs, tokens: i32([2], [0, 0]) },
      feeds.weights,
      'the input tokens is declared i32[B, S]: it was given [2]',
    ],
    [
      'another dtype',
      { ...feeds.inputs, tokens: f32([1, 2], [0, 0]) },
      feeds.weights,
      'the input tokens is declared i32[B, S]: it was given f32',
    ],
    [
      'another size',
      feeds.inputs,
      { embed: f32([2, 2], [1, 2, 3, 4]) },
      'the weight embed is declared f32[3, 2]: axis 0 is 3, it was given [2, 2]',
    ],
    [
      'too few values',
      { ...feeds.inputs, scale: { ...feeds.inputs.scale, values: Float64Array.of(1) } },
      feeds.weights,
      '[2] does not hold 1 values',
    ],
    ['no whole number', { ...feeds.inputs, tokens: i32([1, 2], [0.5, 0]) }, feeds.weights, 'it was given the value 0.5'],
    [
      'an id out of range',
      { ...feeds.inputs, tokens: i32([1, 2], [3, 0]) },
      feeds.weights,
      'the row 3 is outside 0..2 (take in embedding)',
    ],
  ])('says what does not fit: %s', (_, inputs, weights, message) => {
    expect(() => evaluate(EMBED, { inputs, weights })).toThrow(EvaluationError)
    expect(() => evaluate(EMBED, { inputs, weights })).toThrow(message)
  })

  it('needs every dim said by some input', () => {
    const graph = graphOf('dim B\n%0 = iota : i32[B]\noutput "y" = %0\n')
    expect(() => evaluate(graph, { inputs: {}, weights: {} })).toThrow('no input says how large dimension B is')
  })

  it('computes single nodes and nothing else than they need', () => {
    const scale = nodesOf(EMBED).find(({ op }) => op === 'broadcast')!
    const values = evaluateNodes(EMBED, [scale], { ...feeds, weights: {} })
    expect([...values.keys()]).toEqual([scale])
    expect(values.get(scale)).toEqual(f32([1, 2, 2], [1, 1, 10, 10]))
  })

  it('gives an output that is also read, and one node under two names', () => {
    const graph = graphOf(
      '%0 = input name "x" : f32[1]\n%1 = exp(%0) : f32[1]\n%2 = log(%1) : f32[1]\noutput "e" = %1\noutput "x" = %2\noutput "again" = %1\n',
    )
    const { e, x, again } = evaluate(graph, { inputs: { x: f32([1], [0]) }, weights: {} })
    expect([e.values[0], x.values[0], again]).toEqual([1, 0, e])
  })

  it('multiplies 32 rows of 512 by 1024 columns well under a second', () => {
    const graph = graphOf(
      '%0 = input name "x" : f32[32, 512]\n%1 = input name "w" : f32[512, 1024]\n%2 = contract(%0, %1) batch [] over [[1, 0]] : f32[32, 1024]\noutput "y" = %2\n',
    )
    const fill = (n: number): number[] => Array.from({ length: n }, (_, i) => i % 7)
    const { y } = evaluate(graph, {
      inputs: { x: f32([32, 512], fill(32 * 512)), w: f32([512, 1024], fill(512 * 1024)) },
      weights: {},
    })
    expect(y.values.length).toBe(32768)
  }, 3000)
})

it('tensorOf refuses another number of values', () => expect(() => f32([2, 2], [1])).toThrow('[2, 2] holds 4 values, not 1'))

it('swapLastTwo swaps within each matrix', () => {
  expect(swapLastTwo(f32([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))).toEqual(
    f32([2, 3, 2], [1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12]),
  )
})
