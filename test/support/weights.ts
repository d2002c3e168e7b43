/** Cuts the weights of a graph out of the tensors of a checkpoint, as their templates say. */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import type { WeightSource } from '../../compiler/graph/vocabulary.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'

type Piece = WeightSource['pieces'][number]

/** Places along one axis, and whether the axis stays. */
function placesOf(
  slice: Piece['slices'][number] | undefined,
  size: number,
): { readonly places: readonly number[]; readonly stays: boolean } {
  if (slice === undefined || slice.kind === 'all') return { places: [...Array(size).keys()], stays: true }
  if (slice.kind === 'index') return { places: [slice.at], stays: false }
  const stop = Math.min(slice.stop ?? size, size)
  return {
    places: Array.from({ length: Math.ceil((stop - slice.start) / slice.step) }, (_, i) => slice.start + i * slice.step),
    stays: true,
  }
}

function cut({ shape, dtype, values }: HostTensor, piece: Piece): HostTensor {
  const axes = shape.map((size, axis) => placesOf(piece.slices[axis], size))
  const walk = (axis: number, offset: number): readonly number[] =>
    axis === axes.length ? [values[offset]] : axes[axis].places.flatMap((place) => walk(axis + 1, offset * shape[axis] + place))
  const sliced = { shape: axes.filter((a) => a.stays).map((a) => a.places.length), dtype, values: Float64Array.from(walk(0, 0)) }
  return piece.transpose ? transposed(sliced) : sliced
}

function transposed({ shape, dtype, values }: HostTensor): HostTensor {
  const [rows, columns] = shape.slice(-2)
  const at = (i: number): number => {
    const [matrix, rest] = [Math.floor(i / (rows * columns)), i % (rows * columns)]
    return values[matrix * rows * columns + (rest % rows) * columns + Math.floor(rest / rows)]
  }
  return { shape: [...shape.slice(0, -2), columns, rows], dtype, values: values.map((_, i) => at(i)) }
}

function stack(tensors: readonly HostTensor[]): HostTensor {
  const values = new Float64Array(tensors.length * tensors[0].values.length)
  tensors.forEach((tensor, i) => values.set(tensor.values, i * tensor.values.length))
  return { shape: [tensors.length, ...tensors[0].shape], dtype: tensors[0].dtype, values }
}

export function weightNodes(graph: Graph): readonly Node<'weight'>[] {
  const seen = new Set<Node>()
  const visit = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    node.inputs.forEach(visit)
  }
  graph.outputs.forEach((output) => visit(output.node))
  return [...seen].filter((node): node is Node<'weight'> => node.op === 'weight')
}

export function weightsOf(graph: Graph, checkpoint: Readonly<Record<string, HostTensor>>): Record<string, HostTensor> {
  const weight = ({ pieces, stacked }: WeightSource): HostTensor => {
    const cuts = pieces.map((piece) => {
      if (!Object.hasOwn(checkpoint, piece.tensor)) throw new Error(`the checkpoint has no tensor '${piece.tensor}'`)
      return cut(checkpoint[piece.tensor], piece)
    })
    return stacked ? stack(cuts) : cuts[0]
  }
  return Object.fromEntries(weightNodes(graph).map(({ params }) => [params.name, weight(params.source)]))
}
