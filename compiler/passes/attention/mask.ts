/** The masks of scores: a band of keys around each query, which is made from positions alone, or a tensor. */
import type { Node } from '../../graph/node.ts'
import { isOp } from '../../graph/walk.ts'
import { uniform } from '../rules/match.ts'
import { behind, type Label, type Labelled } from './labelled.ts'

/** Keys `query - before` .. `query + after` are seen. */
export interface Band {
  readonly query: number
  readonly before: number
  readonly after: number
}

/** A sum of positions along axes, each with a factor, and a constant. */
interface Position {
  readonly factors: ReadonlyMap<number, number>
  readonly constant: number
}

const combined = (a: Position, b: Position, sign: 1 | -1): Position => {
  const factors = new Map(a.factors)
  for (const [label, factor] of b.factors) factors.set(label, (factors.get(label) ?? 0) + sign * factor)
  return { factors, constant: a.constant + sign * b.constant }
}

function positionOf(view: Labelled): Position | null {
  const { node, labels } = behind(view)
  const known = uniform(node)
  if (known !== undefined && node.dtype === 'i32') return { factors: new Map(), constant: known }
  if (isOp(node, 'iota')) {
    const [label] = labels
    return label === null ? { factors: new Map(), constant: 0 } : { factors: new Map([[label, 1]]), constant: 0 }
  }
  if (!isOp(node, 'add') && !isOp(node, 'subtract')) return null
  const [a, b] = node.inputs.map((input) => positionOf({ node: input, labels }))
  return a === null || b === null ? null : combined(a, b, node.op === 'add' ? 1 : -1)
}

/** left < right or left <= right, as a band of the key's axis. */
function bandOf({ node, labels }: Labelled, key: number): Band | null {
  if (!isOp(node, 'less') && !isOp(node, 'less_equal')) return null
  const [left, right] = node.inputs.map((input) => positionOf({ node: input, labels }))
  if (left === null || right === null || node.inputs[0].dtype !== 'i32') return null
  const { factors, constant } = combined(left, right, -1)
  const own = [...factors].filter(([, factor]) => factor !== 0)
  const toKey = factors.get(key)
  const query = own.find(([label]) => label !== key)
  if (own.length !== 2 || query === undefined || Math.abs(toKey ?? 0) !== 1 || query[1] !== -toKey!) return null
  // toKey * (t - s) + constant <= limit
  const limit = (node.op === 'less' ? -1 : 0) - constant
  return toKey === 1 ? { query: query[0], before: Infinity, after: limit } : { query: query[0], before: limit, after: Infinity }
}

export interface Masks {
  readonly bands: readonly Band[]
  readonly tensors: readonly Labelled[]
}

/** The masks whose conjunction a condition is. */
export function masksOf(condition: Node, labels: readonly Label[], key: number): Masks {
  const view = behind({ node: condition, labels })
  if (isOp(view.node, 'and')) {
    const [a, b] = view.node.inputs.map((input) => masksOf(input, view.labels, key))
    return { bands: [...a.bands, ...b.bands], tensors: [...a.tensors, ...b.tensors] }
  }
  const known = uniform(view.node)
  if (known !== undefined && known !== 0) return { bands: [], tensors: [] }
  const band = bandOf(view, key)
  return band === null ? { bands: [], tensors: [view] } : { bands: [band], tensors: [] }
}

/** The intersection of bands; null where they are of several axes of queries. */
export function intersection(bands: readonly Band[]): (Omit<Band, 'query'> & { readonly query: number | null }) | null {
  if (new Set(bands.map(({ query }) => query)).size > 1) return null
  return {
    query: bands[0]?.query ?? null,
    before: Math.min(Infinity, ...bands.map(({ before }) => before)),
    after: Math.min(Infinity, ...bands.map(({ after }) => after)),
  }
}
