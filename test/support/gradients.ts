/** Finite differences beside the gradients that autodiff makes, in f64. */
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../compiler/ops/build.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { dim, type DimLike } from '../../plan/dim.ts'
import type { DType, OpName, OpParams } from '../../compiler/graph/vocabulary.ts'

const SUM = { kind: 'loss', path: '', term: 'sum' } as const

export interface Small {
  readonly make: <N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N]) => Node
  /** An input of the graph, fed and differentiated by where it is f32. */
  readonly feed: (tensor: HostTensor) => Node
}

/** A graph of one output, with the weighted sum of its elements as the loss; `weights` fall on elements row-major. */
export function lossOf(
  build: (small: Small) => Node,
  weightOf: (at: number) => number,
): { readonly graph: Graph; readonly feeds: Record<string, HostTensor> } {
  const builder = createBuilder()
  const make: Small['make'] = (op, inputs, params) => builder.make(op, inputs, params, NO_ORIGIN) as Node
  const feeds: Record<string, HostTensor> = {}
  const inputs: Graph['inputs'][number][] = []
  const feed: Small['feed'] = (tensor) => {
    const name = `x${inputs.length}`
    feeds[name] = tensor
    const node = make('input', [], { name, dtype: tensor.dtype, shape: tensor.shape.map((size: DimLike) => dim(size)) })
    inputs.push(node as Graph['inputs'][number])
    return node
  }
  const y = build({ make, feed })
  const count = y.shape.reduce((n, size) => n * Number(size.key), 1)
  const scales = make('constant', [], {
    dtype: 'f32',
    shape: [count],
    values: Array.from({ length: count }, (_, at) => weightOf(at)),
  })
  const flat = make('reshape', [y], { shape: [dim(count)] })
  const loss = make('sum', [make('multiply', [flat, scales], NONE)], { axis: 0 })
  return {
    graph: {
      name: 'small',
      doc: '',
      dims: [],
      inputs,
      outputs: [{ name: 'loss.sum', role: SUM, node: loss, doc: '' }],
      docs: {},
    },
    feeds,
  }
}

export interface Difference {
  readonly input: string
  readonly element: number
  readonly gradient: number
  readonly difference: number
}

/** Central differences of the fourth order for every element of every f32 input. */
export function differences(
  graph: Graph,
  feeds: Readonly<Record<string, HostTensor>>,
  step = 1e-3,
  weights: Readonly<Record<string, HostTensor>> = {},
): readonly Difference[] {
  const names = Object.keys(feeds).filter((name) => feeds[name].dtype === 'f32')
  const gradients = evaluate(differentiate(graph, { by: names }), { inputs: feeds, weights })
  const lossAt = (name: string, element: number, delta: number): number => {
    const values = feeds[name].values.slice()
    values[element] += delta
    const moved = { ...feeds, [name]: hostTensor(feeds[name].shape, 'f32', values) }
    return evaluate(graph, { inputs: moved, weights })['loss.sum'].values[0]
  }
  return names.flatMap((name) =>
    Array.from(feeds[name].values, (_, element) => {
      const at = (k: number): number => lossAt(name, element, k * step)
      const difference = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
      return { input: name, element, gradient: gradients[`gradient.${name}`].values[element], difference }
    }),
  )
}

/** How far a gradient is from its difference, beside the larger of both and 1. */
export const missOf = ({ gradient, difference }: Difference): number =>
  Math.abs(gradient - difference) / Math.max(1, Math.abs(gradient), Math.abs(difference))

export const tensorOf = (dtype: DType, shape: readonly number[], of: (at: number) => number): HostTensor =>
  hostTensor(
    shape,
    dtype,
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => of(at)),
  )
