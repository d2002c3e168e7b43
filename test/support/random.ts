/** Feeds for a graph: small sizes for its dims, weights and inputs from a seed. */
import { evaluate as sizeOf, symbolsOf, type DimValues } from '../../plan/dim.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { elements, type HostTensor } from '../../compiler/reference/tensor.ts'
import { weightNodes } from './weights.ts'

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Numbers near the standard normal, rounded to f32 so that a device is given the same ones. */
const normal = (next: () => number): number => Math.fround(Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()))

const floats = (shape: readonly number[], next: () => number, scale: number): HostTensor => ({
  shape, dtype: 'f32', values: Float64Array.from({ length: elements(shape) }, () => Math.fround(normal(next) * scale)),
})

const whole = (shape: readonly number[], next: () => number, below: number): HostTensor => ({
  shape, dtype: 'i32', values: Float64Array.from({ length: elements(shape) }, () => Math.floor(next() * below)),
})

/** Ids stay below `vocabulary`. Weights have the scale that keeps a layer's output near its input's. */
export function feedsOf(graph: Graph, dims: DimValues, options: { readonly seed?: number; readonly vocabulary?: number } = {}) {
  const { seed = 1, vocabulary = 8 } = options
  const next = uniform(seed)
  const sizes = { ...Object.fromEntries(graph.dims.map(({ name }, i) => [name, 3 + i])), ...dims }
  const inputs = graph.inputs.map(({ params, shape, dtype }) => {
    const concrete = shape.map((size) => sizeOf(size, sizes))
    return [params.name, dtype === 'i32' ? whole(concrete, next, vocabulary) : floats(concrete, next, 1)] as const
  })
  const weights = weightNodes(graph).map(({ params, shape }) => {
    const concrete = shape.map((size) => sizeOf(size, sizes))
    return [params.name, floats(concrete, next, Math.sqrt(2 / (concrete.at(-1) ?? 1)))] as const
  })
  return { inputs: Object.fromEntries(inputs), weights: Object.fromEntries(weights) }
}

export const symbolic = (graph: Graph): readonly string[] => [...new Set(graph.inputs.flatMap(({ shape }) => shape.flatMap(symbolsOf)))]
