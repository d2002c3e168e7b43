/** Binds inputs and weights to the declarations of a graph. */
import { brokenBound } from '../../plan/bounds.ts'
import { constantValue, evaluate, symbolsOf, type Dim } from '../../plan/dim.ts'
import { emptyTable } from '../../plan/table.ts'
import { boundsOf } from '../graph/bounds.ts'
import type { Graph } from '../graph/node.ts'
import type { DType } from '../graph/vocabulary.ts'
import { liveNodes } from '../graph/walk.ts'
import { EvaluationError, elements, type HostTensor } from './tensor.ts'

export interface Feeds {
  readonly inputs: Readonly<Record<string, HostTensor>>
  readonly weights: Readonly<Record<string, HostTensor>>
}

export interface Declared {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dim[]
}

const sizesText = (shape: readonly { key: string }[] | readonly number[]): string =>
  `[${shape.map((size) => (typeof size === 'number' ? size : size.key)).join(', ')}]`

/** The name of a dim that is nothing but a symbol. */
function soleSymbol(size: Dim): string | undefined {
  const [name] = symbolsOf(size)
  return name === size.key ? name : undefined
}

function requireFeed(feeds: Readonly<Record<string, HostTensor>>, what: string, name: string): HostTensor {
  if (Object.hasOwn(feeds, name)) return feeds[name]
  const others = Object.keys(feeds)
  const given = others.length > 0 ? `; given are ${others.slice(0, 8).join(', ')}` : ''
  throw new EvaluationError(`${what} ${name} is missing${given}`)
}

/**
 * The size of every symbol, from the axes that are symbols alone. An EvaluationError says where two axes disagree, none says, or
 * a slice leaves its axis.
 */
export function bindDims(graph: Graph, inputs: Feeds['inputs']): Readonly<Record<string, number>> {
  const found = emptyTable<{ readonly size: number; readonly where: string }>()
  for (const { params } of graph.inputs) {
    const { shape } = requireFeed(inputs, 'the input', params.name)
    params.shape.forEach((size, axis) => {
      const name = soleSymbol(size)
      if (name === undefined || axis >= shape.length) return
      const where = `axis ${axis} of ${params.name}`
      const known = found[name]
      if (known !== undefined && known.size !== shape[axis]) {
        throw new EvaluationError(`dimension ${name} is ${known.size} by ${known.where}, but ${shape[axis]} by ${where}`)
      }
      found[name] = { size: shape[axis], where }
    })
  }
  const unbound = graph.dims.find(({ name }) => !Object.hasOwn(found, name))
  if (unbound) throw new EvaluationError(`no input says how large dimension ${unbound.name} is`)
  const dims = Object.fromEntries(Object.entries(found).map(([name, { size }]) => [name, size]))
  const broken = brokenBound(boundsOf(liveNodes(graph)), dims)
  if (broken !== null) throw new EvaluationError(broken.message)
  return dims
}

const ACCEPTS: Record<DType, ((value: number) => boolean) | null> = {
  f32: null,
  i32: (value) => (value | 0) === value,
  bool: (value) => value === 0 || value === 1,
}

/** The feed as declared. Throws an EvaluationError naming what differs: rank, axis, dtype or number of values. */
export function bindTensor(
  declared: Declared,
  feeds: Readonly<Record<string, HostTensor>>,
  what: string,
  dims: Readonly<Record<string, number>>,
): HostTensor {
  const feed = requireFeed(feeds, what, declared.name)
  const complain = (problem: string): never => {
    throw new EvaluationError(`${what} ${declared.name} is declared ${declared.dtype}${sizesText(declared.shape)}: ${problem}`)
  }
  if (feed.dtype !== declared.dtype) complain(`it was given ${feed.dtype}`)
  if (feed.shape.length !== declared.shape.length) complain(`it was given ${sizesText(feed.shape)}`)
  declared.shape.forEach((size, axis) => {
    const wanted = constantValue(size) ?? evaluate(size, dims)
    const said = size.key === String(wanted) ? size.key : `${size.key} = ${wanted}`
    if (feed.shape[axis] !== wanted) complain(`axis ${axis} is ${said}, it was given ${sizesText(feed.shape)}`)
  })
  if (feed.values.length !== elements(feed.shape)) complain(`${sizesText(feed.shape)} does not hold ${feed.values.length} values`)
  const odd = ACCEPTS[declared.dtype] ? feed.values.find((value) => !ACCEPTS[declared.dtype]!(value)) : undefined
  if (odd !== undefined) complain(`it was given the value ${odd}`)
  return feed
}
