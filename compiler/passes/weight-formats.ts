/** Weight formats: how each weight is stored, as the checkpoint has it or as one format for all. */
import type { WeightPiece } from '../../plan/plan.ts'
import { formatOf, type FormatName } from '../../plan/storage/formats.ts'
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

/** Whether a piece of so many axes has its rows as the tensor has them: blocks are neither cut nor transposed. */
function hasWholeRows({ slices, transpose }: WeightPiece, axes: number): boolean {
  const last = slices[axes + slices.filter(({ kind }) => kind === 'index').length - 1]
  return !transpose && (last === undefined || last.kind === 'all')
}

/** The format of a weight whose pieces all have one; undefined for f32. */
function formatOfWeight({ name, shape, source }: OpParams['weight'], formats: WeightFormats): FormatName | undefined {
  if (source.pieces.length === 0) return undefined
  if (formats.kind === 'all') return formats.format
  const of = (tensor: string): FormatName | undefined =>
    Object.hasOwn(formats.formats, tensor) ? formats.formats[tensor] : undefined
  if (formats.isByPath) return of(weightPath(name))
  const [first, ...others] = source.pieces.map(({ tensor }) => of(tensor))
  if (first === undefined || others.some((other) => other !== first)) return undefined
  return formatOf(first).elements === 1 ||
    source.pieces.every((piece) => hasWholeRows(piece, shape.length - (source.stacked ? 1 : 0)))
    ? first
    : undefined
}

/** The same graph with weights in the formats that they are given by their paths. */
export const withFormatsByPath = (graph: Graph, formats: ReadonlyMap<string, FormatName>): Graph =>
  formats.size === 0
    ? graph
    : rebuild(graph, (node, inputs, make) => {
        const format = isOp(node, 'weight') ? formats.get(node.params.name) : undefined
        return format === undefined || !isOp(node, 'weight')
          ? make(node.op, inputs, node.params as never)
          : make('weight', [], { ...node.params, source: { ...node.params.source, format } })
      })

/** The same graph with its weights in these formats. */
export const withWeightFormats = (graph: Graph, formats: WeightFormats): Graph =>
  rebuild(graph, (node, inputs, make) => {
    if (!isOp(node, 'weight')) return make(node.op, inputs, node.params as never)
    const format = formatOfWeight(node.params, formats)
    if (format === undefined) return make('weight', [], node.params)
    return make('weight', [], { ...node.params, source: { ...node.params.source, format } })
  })
