/** Feeds for a graph: small sizes for its dims, weights and inputs from a seed. */
import { createRandom, normal } from '../../cli/random.ts'
import { evaluate as sizeOf, type DimValues } from '../../plan/dim.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import type { WeightSource } from '../../compiler/graph/vocabulary.ts'
import { elements, type HostTensor } from '../../compiler/reference/tensor.ts'
import { weightNodes, weightsOf } from './weights.ts'

/** Uniform in [0, 1). */
export { createRandom as uniform } from '../../cli/random.ts'

/** Near the normal of this deviation, rounded to f32 so that a device is given the same numbers. */
export const floats = (shape: readonly number[], next: () => number, scale: number): HostTensor => ({
  shape,
  dtype: 'f32',
  values: Float64Array.from({ length: elements(shape) }, () => Math.fround(Math.fround(normal(next, 1)) * scale)),
})

const whole = (shape: readonly number[], next: () => number, below: number): HostTensor => ({
  shape,
  dtype: 'i32',
  values: Float64Array.from({ length: elements(shape) }, () => Math.floor(next() * below)),
})

type Piece = WeightSource['pieces'][number]

/** The smallest tensor a piece of this shape can be cut out of. */
function uncut(shape: readonly number[], { slices, transpose }: Piece): readonly number[] {
  const cut = transpose ? [...shape.slice(0, -2), shape.at(-1) ?? 1, shape.at(-2) ?? 1] : [...shape]
  const sliced = slices.map((slice) => {
    if (slice.kind === 'index') return slice.at + 1
    const extent = cut.shift() ?? 1
    return slice.kind === 'all'
      ? extent
      : Math.max(slice.stop ?? 0, Math.floor(slice.start / slice.step) * slice.step + extent * slice.step)
  })
  return [...sliced, ...cut]
}

/** Tensors under all the names that the graph's weights are read from. They keep a layer's output near its input's scale. */
export function checkpointOf(graph: Graph, next: () => number): Readonly<Record<string, HostTensor>> {
  const shapes = new Map<string, readonly number[]>()
  for (const { params, shape } of weightNodes(graph)) {
    const { pieces, stacked } = params.source
    const own = shape.map((size) => sizeOf(size, {})).slice(stacked ? 1 : 0)
    for (const piece of pieces) {
      const [known, needed] = [shapes.get(piece.tensor), uncut(own, piece)]
      shapes.set(
        piece.tensor,
        needed.map((size, axis) => Math.max(size, known?.[axis] ?? 0)),
      )
    }
  }
  return Object.fromEntries([...shapes].map(([name, shape]) => [name, floats(shape, next, Math.sqrt(2 / (shape.at(-1) ?? 1)))]))
}

/** Inputs and a checkpoint for a graph. Dims that are not given are small; ids stay below `vocabulary`. */
export function feedsOf(graph: Graph, dims: DimValues, options: { readonly seed?: number; readonly vocabulary?: number } = {}) {
  const { seed = 1, vocabulary = 8 } = options
  const next = createRandom(seed)
  const sizes = { ...Object.fromEntries(graph.dims.map(({ name }, i) => [name, 3 + i])), ...dims }
  const inputs = graph.inputs.map(({ params, shape, dtype }) => {
    const concrete = shape.map((size) => sizeOf(size, sizes))
    return [params.name, dtype === 'i32' ? whole(concrete, next, vocabulary) : floats(concrete, next, 1)] as const
  })
  const checkpoint = checkpointOf(graph, next)
  return { inputs: Object.fromEntries(inputs), checkpoint, weights: weightsOf(graph, checkpoint) }
}
