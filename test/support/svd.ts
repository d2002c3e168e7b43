/** A graph that decomposes a batch of matrices of one size. */
import { dim } from '../../plan/dim.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { createBuilder, NONE } from '../../compiler/ops/build.ts'
import type { HostTensor } from '../../compiler/ops/tensor.ts'
import type { Matrix } from './matrices.ts'

export function svdGraph(batch: number | string, rows: number | string, columns: number | string): Graph {
  const { make } = createBuilder()
  const origin = { span: null, instance: '' }
  const shape = [batch, rows, columns].map(dim)
  const x = make('input', [], { name: 'x', dtype: 'f32', shape }, origin) as Node & { op: 'input' }
  const dims = [batch, rows, columns].flatMap((size) => (typeof size === 'string' ? [{ name: size, doc: '' }] : []))
  return {
    name: 'svd',
    doc: '',
    dims,
    inputs: [x],
    outputs: [{ name: 'y', node: make('svd', [x], NONE, origin), doc: '' }],
    docs: {},
  }
}

export const batchOf = (matrices: readonly Matrix[]): HostTensor => ({
  shape: [matrices.length, matrices[0].rows, matrices[0].columns],
  dtype: 'f32',
  values: Float64Array.from(matrices.flatMap(({ values }) => [...values])),
})

/** The packed decomposition of each matrix of a batch. */
export function eachOf(matrices: readonly Matrix[], packed: ArrayLike<number>): readonly Float64Array[] {
  const all = Float64Array.from(packed)
  const width = all.length / matrices.length
  return matrices.map((_, n) => all.subarray(n * width, (n + 1) * width))
}
