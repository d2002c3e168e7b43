/** Activations are made again for the gradient of the next weight, where their pre-activations lie there anyway. */
import { describe, expect, it } from 'vitest'
import { createBuilder } from '../../compiler/ops/build.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { print } from '../../compiler/graph/print.ts'
import { verify } from '../../compiler/graph/verify.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { specOf } from '../../compiler/ops/spec.ts'
import { rematerialize } from '../../compiler/passes/rematerialization.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { floats, uniform } from '../support/random.ts'

interface Layer {
  /** %5: the activation of the pre-activation %3. */
  readonly activation: string
  /** %8: what comes down to the result %7. */
  readonly upstream: string
  /** %14: what comes down to the pre-activation, from %11 at the activation. */
  readonly down: string
}

const SILU = '%4 = sigmoid(%3) : f32[T, 8]\n%5 = multiply(%3, %4) : f32[T, 8]'

const layer = ({ activation, upstream, down }: Layer): string => `graph "layer"
dim T
%0 = input name "x" : f32[T, 4]
%1 = input name "in" : f32[8, 4]
%2 = input name "out" : f32[4, 8]
%3 = contract(%0, %1) batch [] over [[1, 1]] : f32[T, 8]
${activation}
%6 = input name "dy" : f32[T, 4]
%7 = contract(%5, %2) batch [] over [[1, 1]] : f32[T, 4]
${upstream}
%9 = transpose(%2) order [1, 0] : f32[8, 4]
%11 = contract(%8, %9) batch [] over [[1, 1]] : f32[T, 8]
%12 = transpose(%8) order [1, 0] : f32[4, T]
%13 = transpose(%5) order [1, 0] : f32[8, T]
${down}
%15 = contract(%12, %13) batch [] over [[1, 1]] : f32[4, 8]
output "d_out" = %15
output "dz" = %14
`

const typical: Layer = {
  activation: SILU,
  upstream: '%8 = multiply(%6, %7) : f32[T, 4]',
  down: '%14 = multiply(%11, %3) : f32[T, 8]',
}

const graphOf = (changes: Partial<Layer>) => parse(layer({ ...typical, ...changes }), createBuilder().make)
const remade = (changes: Partial<Layer>): number =>
  nodesOf(rematerialize(graphOf(changes))).filter(({ op }) => op === 'optimization_barrier').length

describe('rematerialization', () => {
  it('makes again what is made of a pre-activation, right before it is needed', () => {
    const text = print(rematerialize(graphOf({})))
    const lines = text.split('\n').map((line) => line.replace(/^%\d+ = (\w+).*/, '$1'))
    expect(lines.slice(lines.indexOf('optimization_barrier'), lines.indexOf('optimization_barrier') + 5)).toEqual([
      'optimization_barrier',
      'sigmoid',
      'multiply',
      'transpose',
      'contract',
    ])
  })

  it('gives the same values', () => {
    const graph = graphOf({})
    const after = rematerialize(graph)
    expect(verify(after, specOf('optimised'))).toEqual([])
    const inputs = Object.fromEntries(
      (
        [
          ['x', [5, 4]],
          ['in', [8, 4]],
          ['out', [4, 8]],
          ['dy', [5, 4]],
        ] as const
      ).map(([name, shape], seed) => [name, floats(shape, uniform(seed), 1)]),
    )
    expect(evaluate(after, { inputs, weights: {} })).toEqual(evaluate(graph, { inputs, weights: {} }))
  })

  it.each<[string, Partial<Layer>]>([
    [
      'nothing comes down that the activation leads to, so that it need not wait',
      { upstream: '%8 = multiply(%6, %6) : f32[T, 4]' },
    ],
    ['the pre-activation is not kept', { down: '%14 = multiply(%11, %11) : f32[T, 8]' }],
    [
      'the activation is read in the backward pass too',
      { down: '%10 = multiply(%11, %5) : f32[T, 8]\n%14 = multiply(%10, %3) : f32[T, 8]' },
    ],
    [
      'it is made of sums',
      {
        activation: '%30 = sum(%3) axis 1 : f32[T]\n%4 = broadcast(%30) axes [0] : f32[T, 8]\n%5 = multiply(%3, %4) : f32[T, 8]',
      },
    ],
    ['it is the pre-activation', { activation: '%4 = sigmoid(%3) : f32[T, 8]\n%5 = reshape(%3) : f32[T, 8]' }],
  ])('leaves it where %s', (_, changes) => expect(remade(changes)).toBe(0))
})
