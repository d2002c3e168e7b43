/**
 * The layer as an ONNX graph: each expert gathers its rows, so that no product is made in vain. The rows of all experts are put
 * back into the order of the assignments by one scatter, weighted and summed.
 */
import type { LayerSize } from '../../../cli/bench/layer.ts'
import type { Weights } from '../problem.ts'
import { transposed } from '../transposed.ts'
import type { OnnxGraph, OnnxNode, OnnxTensor } from './model.ts'

const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number>> = {},
): OnnxNode => ({ op, inputs, outputs, attributes })

const integers = (name: string, values: readonly number[], shape: readonly number[] = [values.length]): OnnxTensor => ({
  name,
  shape,
  data: BigInt64Array.from(values, BigInt),
})

/** Matrices of all experts, [rows, columns] each, as one constant an expert that a product takes as its right operand. */
function expertMatrices(name: string, data: Float32Array, rows: number, columns: number): readonly OnnxTensor[] {
  const length = rows * columns
  return Array.from({ length: data.length / length }, (_, expert) => ({
    name: `${name}.${expert}`,
    shape: [columns, rows],
    data: transposed(data.subarray(expert * length, (expert + 1) * length), rows, columns),
  }))
}

const ROUTER: readonly OnnxNode[] = [
  node('MatMul', ['x', 'router'], ['logits']),
  node('TopK', ['logits', 'k'], ['top', 'ids'], { axis: -1, largest: 1, sorted: 1 }),
  node('Softmax', ['top'], ['probabilities'], { axis: -1 }),
  node('Reshape', ['ids', 'flat'], ['assignments']),
]

const expertNodes = (e: number): readonly OnnxNode[] => [
  node('Equal', ['assignments', `expert.${e}`], [`is.${e}`]),
  node('NonZero', [`is.${e}`], [`found.${e}`]),
  node('Reshape', [`found.${e}`, 'flat'], [`slots.${e}`]),
  node('Div', [`slots.${e}`, 'k'], [`tokens.${e}`]),
  node('Gather', ['x', `tokens.${e}`], [`rows.${e}`], { axis: 0 }),
  node('MatMul', [`rows.${e}`, `gate.${e}`], [`g.${e}`]),
  node('MatMul', [`rows.${e}`, `up.${e}`], [`u.${e}`]),
  node('Sigmoid', [`g.${e}`], [`s.${e}`]),
  node('Mul', [`g.${e}`, `s.${e}`], [`silu.${e}`]),
  node('Mul', [`silu.${e}`, `u.${e}`], [`h.${e}`]),
  node('MatMul', [`h.${e}`, `down.${e}`], [`y.${e}`]),
]

const combineNodes = (experts: readonly number[]): readonly OnnxNode[] => [
  node(
    'Concat',
    experts.map((e) => `y.${e}`),
    ['sorted'],
    { axis: 0 },
  ),
  node(
    'Concat',
    experts.map((e) => `slots.${e}`),
    ['order'],
    { axis: 0 },
  ),
  node('Unsqueeze', ['order', 'last'], ['places']),
  // `order` is a permutation: every row of the data is replaced
  node('ScatterND', ['sorted', 'places', 'sorted'], ['unsorted']),
  node('Reshape', ['unsorted', 'perToken'], ['selected']),
  node('Unsqueeze', ['probabilities', 'last'], ['shares']),
  node('Mul', ['selected', 'shares'], ['weighted']),
  node('ReduceSum', ['weighted', 'one'], ['y'], { keepdims: 0 }),
]

/** From `x`, f32 [T, d], to `y` of the same shape, for any T. */
export function moeGraph({ experts, k, width, hidden }: LayerSize, weights: Weights): OnnxGraph {
  const ids = Array.from({ length: experts }, (_, e) => e)
  return {
    name: 'moe',
    inputs: [{ name: 'x', shape: ['T', width] }],
    outputs: [{ name: 'y', shape: ['T', width] }],
    constants: [
      { name: 'router', shape: [width, experts], data: transposed(weights.router, experts, width) },
      ...expertMatrices('gate', weights.gate, hidden, width),
      ...expertMatrices('up', weights.up, hidden, width),
      ...expertMatrices('down', weights.down, width, hidden),
      ...ids.map((e) => integers(`expert.${e}`, [e], [])),
      integers('k', [k]),
      integers('flat', [-1]),
      integers('last', [-1]),
      integers('one', [1]),
      integers('perToken', [-1, k, width]),
    ],
    nodes: [...ROUTER, ...ids.flatMap(expertNodes), ...combineNodes(ids)],
  }
}
