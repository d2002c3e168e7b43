/** Weight formats: how each weight is stored, as the checkpoint has it or as one format for all. */
import type { FormatName } from '../../plan/storage/formats.ts'
import { weightPath } from '../../plan/weight-path.ts'
import type { Graph } from '../graph/node.ts'
import type { OpParams } from '../graph/vocabulary.ts'
import { isOp } from '../graph/walk.ts'
import { rebuild } from '../ops/rebuild.ts'

/** What weights are stored as; those that nothing is said of are f32. */
export type WeightFormats =
  /** All weights in one format. */
  | { readonly kind: 'all'; readonly format: FormatName }
  /** By the name of a tensor in the checkpoint, or by the path of the weight where the checkpoint has weights by their paths. */
  | { readonly kind: 'tensors'; readonly formats: Readonly<Record<string, FormatName>>; readonly isByPath: boolean }

/** The format of a weight whose pieces all have one; undefined for f32. */
function formatOfWeight({ name, source }: OpParams['weight'], formats: WeightFormats): FormatName | undefined {
  if (source.pieces.length === 0) return undefined
  if (formats.kind === 'all') return formats.format
  const of = (tensor: string): FormatName | undefined =>
    Object.hasOwn(formats.formats, tensor) ? formats.formats[tensor] : undefined
  if (formats.isByPath) return of(weightPath(name))
  const [first, ...others] = source.pieces.map(({ tensor }) => of(tensor))
  return others.every((other) => other === first) ? first : undefined
}

/** The same graph with its weights in these formats. */
export const withWeightFormats = (graph: Graph, formats: WeightFormats): Graph =>
  rebuild(graph, (node, inputs, make) => {
    if (!isOp(node, 'weight')) return make(node.op, inputs, node.params as never)
    const format = formatOfWeight(node.params, formats)
    if (format === undefined) return make('weight', [], node.params)
    return make('weight', [], { ...node.params, source: { ...node.params.source, format } })
  })
