/** Sums of rows get the order of their ids: a stable sort, whatever the ids. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dim, symbol, symbolsOf, type Dim } from '../../plan/dim.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { verify } from '../../compiler/graph/verify.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { specOf } from '../../compiler/ops/spec.ts'
import { sortSegmentSums } from '../../compiler/passes/segment-sum-sorting.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { assertProperty } from '../support/property.ts'

function graphOf(rows: Dim, width: number, size: Dim): Graph {
  const { make } = createBuilder()
  const values = make('input', [], { name: 'values', dtype: 'f32', shape: [rows, dim(width)] }, NO_ORIGIN)
  const ids = make('input', [], { name: 'ids', dtype: 'i32', shape: [rows] }, NO_ORIGIN)
  const node = make('segment_sum', [values, ids], { size }, NO_ORIGIN) as Node
  const dims = [rows, size].flatMap(symbolsOf).map((name) => ({ name, doc: '' }))
  return {
    name: 'sums',
    doc: '',
    dims,
    inputs: [values, ids] as unknown as Graph['inputs'],
    outputs: [{ name: 'y', node, doc: '' }],
    docs: {},
  }
}

const orderOf = (graph: Graph): Node | undefined => sortSegmentSums(graph).outputs[0].node.inputs[2]

describe('order_sums', () => {
  it('sorts the row numbers stably by id, those without one left out', () => {
    const cases = fc.constantFrom(3, 64, 65, 700, 5000, 100000).chain((size) =>
      fc.record({
        size: fc.constant(size),
        ids: fc.array(fc.integer({ min: -1, max: size - 1 }), { minLength: 1, maxLength: 90 }),
      }),
    )
    assertProperty(
      fc.property(cases, ({ size, ids }) => {
        const graph = sortSegmentSums(graphOf(symbol('N'), 64, dim(size)))
        expect(verify(graph, specOf('optimised'))).toEqual([])
        const order = graph.outputs[0].node.inputs[2]
        const inputs = {
          values: hostTensor([ids.length, 64], 'f32', new Float64Array(ids.length * 64)),
          ids: hostTensor([ids.length], 'i32', Float64Array.from(ids)),
        }
        const alone = { ...graph, outputs: [{ name: 'order', node: order, doc: '' }] }
        const kept = ids.flatMap((id, row) => (id < 0 ? [] : [row])).sort((a, b) => ids[a] - ids[b] || a - b)
        const want = [...kept, ...Array.from({ length: ids.length - kept.length }, () => -1)]
        expect([...evaluate(alone, { inputs, weights: {} }).order.values]).toEqual(want)
      }),
    )
  })

  it('leaves alone what each element may seek for itself, and a table of open size', () => {
    expect(orderOf(graphOf(dim(16), 4, dim(50)))).toBeUndefined()
    expect(orderOf(graphOf(dim(512), 8, symbol('V')))).toBeUndefined()
    expect(orderOf(graphOf(dim(512), 8, dim(50)))).toBeDefined()
    expect(orderOf(graphOf(symbol('N'), 1, dim(2)))).toBeDefined()
  })

  it('orders once', () => {
    const once = sortSegmentSums(graphOf(dim(512), 8, dim(50)))
    expect(sortSegmentSums(once).outputs[0].node.inputs).toHaveLength(3)
  })
})
