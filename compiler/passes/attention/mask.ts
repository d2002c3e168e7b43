/** The masks of scores: a band of keys around each query, which is made from positions alone, or a tensor. */
import { PAST_TOKENS } from '../../../plan/state-inputs.ts'
import type { Node } from '../../graph/node.ts'
import { isOp } from '../../graph/walk.ts'
import { uniform } from '../rules/match.ts'
import { behind, type Label, type Labelled } from './labelled.ts'

/** Keys `query - before` .. `query + after` are seen; the past is added to the query, where there is one. */
export interface Band {
  readonly query: number
  readonly past: Labelled | null
  readonly before: number
  readonly after: number
}

/** A sum of positions along axes, each with a factor, of lengths that a run is given, and of a constant. */
interface Position {
  readonly factors: ReadonlyMap<number, number>
  readonly pasts: ReadonlyMap<Node, { readonly view: Labelled; readonly factor: number }>
  readonly constant: number
}

const constantly = (constant: number): Position => ({ factors: new Map(), pasts: new Map(), constant })

const combined = (a: Position, b: Position, sign: 1 | -1): Position => {
  const factors = new Map(a.factors)
  for (const [label, factor] of b.factors) factors.set(label, (factors.get(label) ?? 0) + sign * factor)
  const pasts = new Map(a.pasts)
  for (const [node, { view, factor }] of b.pasts)
    pasts.set(node, { view, factor: (pasts.get(node)?.factor ?? 0) + sign * factor })
  return { factors, pasts, constant: a.constant + sign * b.constant }
}

function positionOf(view: Labelled): Position | null {
  const { node, labels } = behind(view)
  const known = uniform(node)
  if (known !== undefined && node.dtype === 'i32') return constantly(known)
  if (isOp(node, 'iota')) {
    const [label] = labels
    return label === null ? constantly(0) : { ...constantly(0), factors: new Map([[label, 1]]) }
  }
  if (isOp(node, 'input') && node.params.name === PAST_TOKENS)
    return { ...constantly(0), pasts: new Map([[node, { view: { node, labels }, factor: 1 }]]) }
  if (!isOp(node, 'add') && !isOp(node, 'subtract')) return null
  const [a, b] = node.inputs.map((input) => positionOf({ node: input, labels }))
  return a === null || b === null ? null : combined(a, b, node.op === 'add' ? 1 : -1)
}

/** left < right or left <= right, as a band of the key's axis. */
function bandOf({ node, labels }: Labelled, key: number): Band | null {
  if (!isOp(node, 'less') && !isOp(node, 'less_equal')) return null
  const [left, right] = node.inputs.map((input) => positionOf({ node: input, labels }))
  if (left === null || right === null || node.inputs[0].dtype !== 'i32') return null
  const { factors, pasts, constant } = combined(left, right, -1)
  const along = [...factors].filter(([, factor]) => factor !== 0)
  const toKey = factors.get(key)
  const query = along.find(([label]) => label !== key)
  if (along.length !== 2 || query === undefined || Math.abs(toKey ?? 0) !== 1 || query[1] !== -toKey!) return null
  // a length is that of the query's sequence
  const [past, ...others] = [...pasts.values()].filter(({ factor }) => factor !== 0)
  if (others.length > 0 || (past !== undefined && past.factor !== query[1])) return null
  // toKey * (t - s) + constant <= limit
  const limit = (node.op === 'less' ? -1 : 0) - constant
  const own = { query: query[0], past: past?.view ?? null }
  return toKey === 1 ? { ...own, before: Infinity, after: limit } : { ...own, before: limit, after: Infinity }
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

/** The intersection of bands; null where they are of several axes of queries, or of several pasts. */
export function intersection(bands: readonly Band[]): (Omit<Band, 'query'> & { readonly query: number | null }) | null {
  if (new Set(bands.map(({ query }) => query)).size > 1 || new Set(bands.map(({ past }) => past?.node)).size > 1) return null
  return {
    query: bands[0]?.query ?? null,
    past: bands[0]?.past ?? null,
    before: Math.min(Infinity, ...bands.map(({ before }) => before)),
    after: Math.min(Infinity, ...bands.map(({ after }) => after)),
  }
}
