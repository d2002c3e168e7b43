/** A graph cut into kernels means what it meant: both sides in f64, no device needed. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PORTABLE, type Target } from '../../plan/target.ts'
import { schedule } from '../../compiler/kernel/schedule.ts'
import { optimise } from '../../compiler/passes/pipeline.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { both, close } from '../support/graph-on-host.ts'
import { samples } from '../support/random-graph.ts'
import { assertProperty } from '../support/property.ts'

const cpu: Target = { ...PORTABLE, kind: 'cpu', subgroupSize: 4 }

describe('kernels mean what the graph means', () => {
  it.each([
    ['decode', PORTABLE],
    ['prefill', PORTABLE],
    ['decode', cpu],
    ['prefill', cpu],
    ['prefill', { ...PORTABLE, name: 'four buffers', maxStorageBuffers: 4 }],
  ] as const)('%s tokens, for $name', (variant, target) => {
    assertProperty(
      fc.property(samples(160), ({ graph, feeds }) => {
        for (const { name, got, want, size } of both(graph, feeds, target, variant)) {
          expect(got.length).toBe(size)
          for (let i = 0; i < want.length; i++)
            if (!close(got[i], want[i])) throw new Error(`${name}[${i}] is ${got[i]}, not ${want[i]}`)
        }
      }),
      150,
    )
  })
})

describe('every expert computes every token', () => {
  const text = `graph "all"
dim T
%0 = input name "x" : f32[T, 4]
%1 = weight name "bank" source ["bank"] doc "" : f32[3, 5, 4]
%2 = iota : i32[3]
%3 = broadcast(%2) axes [0] : i32[3, T]
%4 = reshape(%3) : i32[3*T]
%5 = iota : i32[T]
%6 = broadcast(%5) axes [1] : i32[3, T]
%7 = reshape(%6) : i32[3*T]
%8 = take(%0, %7) : f32[3*T, 4]
%9 = grouped_matmul(%8, %1, %4) : f32[3*T, 5]
output "y" = %9
`
  it('in one product over batches of rows, without an order', () => {
    const graph = parse(text, createBuilder().make)
    const numbers = (shape: number[]) =>
      hostTensor(
        shape,
        'f32',
        Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
      )
    const feeds = { inputs: { x: numbers([7, 4]) }, weights: { bank: numbers([3, 5, 4]) } }
    for (const variant of ['decode', 'prefill'] as const) {
      const [{ got, want }] = both(graph, feeds, PORTABLE, variant)
      got.forEach((value, i) => expect(value).toBeCloseTo(want[i], 12))
      const { kernels } = schedule(optimise(graph, { variant, block: 4, tile: 4 }).graph, PORTABLE, variant)
      expect(kernels.map(({ computation }) => computation.kind === 'matmul' && computation.matmul.rowGrouping.kind)).toEqual([
        'batched',
      ])
    }
  })
})
