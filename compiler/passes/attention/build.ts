/** The op of an attention that was matched, between movements from and to the axes that the graph has. */
import { ONE, multiply, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { Maker } from '../../ops/maker.ts'
import { NONE } from '../rules/match.ts'
import type { Label, Labelled } from './labelled.ts'
import type { AttentionMatch } from './match.ts'

/** The labels of the axes of the op; several that are neighbours everywhere are one axis. */
interface Axes {
  readonly B: readonly number[]
  readonly S: readonly number[]
  readonly G: readonly number[]
  readonly R: readonly number[]
  readonly T: readonly number[]
}

/** Shared labels before the positions are batches, those behind them heads, where query, key and value agree. */
function axesOf({ query, key, value, shared, queries, keys, positions, sink }: AttentionMatch): Axes {
  const rest = queries.filter((label) => label !== positions)
  const base = { S: [positions], R: rest, T: [keys] }
  const ofSink = sink === null ? [] : sink.labels.filter((label) => label !== null && shared.includes(label))
  if (ofSink.length > 0) return { ...base, B: shared.filter((label) => !ofSink.includes(label)), G: ofSink as number[] }
  const isBefore = (label: number): boolean =>
    query.labels.indexOf(label) < query.labels.indexOf(positions) &&
    [key, value].every(({ labels }) => labels.indexOf(label) < labels.indexOf(keys))
  const inOrder = shared.toSorted((a, b) => key.labels.indexOf(a) - key.labels.indexOf(b))
  const before = inOrder.filter(isBefore)
  const behind = inOrder.filter((label) => !before.includes(label))
  if (behind.length < 2) return { ...base, B: before, G: behind }
  return { ...base, B: [behind[0]], G: [behind[1]] }
}

/** Axes in the order of groups of labels, each group one axis; then the axes that have no label. */
function arrange(make: Maker, { node, labels }: Labelled, groups: readonly (readonly number[])[]): Node {
  const labelled = groups.flat().map((label) => labels.indexOf(label))
  const others = labels.flatMap((label, axis) => (label === null ? [axis] : []))
  const moved = make.transpose(node, [...labelled, ...others])
  const sizes = groups.map((group) => product(group.map((label) => node.shape[labels.indexOf(label)])))
  return make.reshape(moved, [...sizes, ...others.map((axis) => node.shape[axis])])
}

const product = (sizes: readonly Dim[]): Dim => sizes.reduce(multiply, ONE)

/** A mask of the axes of the op: one element along those that it does not depend on. */
function maskOf(make: Maker, { node, labels }: Labelled, axes: Axes, sizeOf: (label: number) => Dim): Node {
  const groups = [axes.B, axes.S, axes.G, axes.R, axes.T]
  const needed = groups.filter((group) => group.some((label) => labels.includes(label))).flat()
  const own = labels.filter((label): label is number => label !== null)
  const long = make.reshape(
    node,
    own.map((label) => sizeOf(label)),
  )
  const present = needed.filter((label) => own.includes(label))
  const ordered = make.transpose(
    long,
    present.map((label) => own.indexOf(label)),
  )
  const full = make.broadcast(
    ordered,
    needed.map(sizeOf),
    present.map((label) => needed.indexOf(label)),
  )
  const shape = groups.map((group) => (group.some((label) => needed.includes(label)) ? product(group.map(sizeOf)) : ONE))
  return make.reshape(full, shape)
}

/** The conjunction of masks. */
function joined(make: Maker, masks: readonly Node[]): Node | null {
  if (masks.length < 2) return masks[0] ?? null
  const shape = masks[0].shape.map((_, axis) => masks.map((mask) => mask.shape[axis]).find((size) => size !== ONE) ?? ONE)
  const spread = (mask: Node): Node => {
    const axes = mask.shape.flatMap((size, axis) => (size === ONE ? [] : [axis]))
    const long = make.reshape(
      mask,
      axes.map((axis) => mask.shape[axis]),
    )
    return make.broadcast(long, shape, axes)
  }
  return masks.map(spread).reduce((a, b) => make('and', [a, b], NONE))
}

/** The sinks [G, R], repeated along the axes that they do not depend on. */
function sinksOf(make: Maker, { node, labels }: Labelled, { G, R }: Axes, sizeOf: (label: number) => Dim): Node {
  const own = labels.filter((label): label is number => label !== null)
  const heads = [...G, ...R]
  const long = make.reshape(node, own.map(sizeOf))
  const present = heads.filter((label) => own.includes(label))
  const ordered = make.transpose(
    long,
    present.map((label) => own.indexOf(label)),
  )
  const full = make.broadcast(
    ordered,
    heads.map(sizeOf),
    present.map((label) => heads.indexOf(label)),
  )
  return make.reshape(full, [product(G.map(sizeOf)), product(R.map(sizeOf))])
}

/** The past [B]. */
const pastOf = (make: Maker, { node }: Labelled, { B }: Axes, sizeOf: (label: number) => Dim): Node =>
  make.reshape(node, [product(B.map(sizeOf))])

/** Whether the op has a place for the past: it differs between batches alone, and each has one. */
export function hasPlaceForPast(match: AttentionMatch): boolean {
  const { past, query } = match
  if (past === null) return true
  const { B } = axesOf(match)
  const [label] = past.labels
  const isOne = B.every((each) => query.node.shape[query.labels.indexOf(each)] === ONE)
  return B.length === 1 && label === B[0] ? true : isOne && past.node.shape[0] === ONE
}

/** Whether the op has a place for the sinks: they differ between heads alone. */
export const hasPlaceForSinks = ({ sink, shared, queries, positions }: AttentionMatch): boolean =>
  sink === null ||
  sink.labels.every((label) => label === null || shared.includes(label) || (queries.includes(label) && label !== positions))

/** The last contraction of the match, anew; `made` has the new nodes of the operands, and `shape` is the result's. */
export function buildAttention(make: Maker, match: AttentionMatch, made: (old: Node) => Node, shape: readonly Dim[]): Node {
  const { query, key, value, keys, scale, cap, before, after } = match
  const renewed = ({ node, labels }: Labelled): Labelled => ({ node: made(node), labels })
  const axes = axesOf(match)
  const sizeOf = (label: number): Dim =>
    label === keys ? key.node.shape[key.labels.indexOf(label)] : query.node.shape[query.labels.indexOf(label)]
  const masks = match.masks.map((mask) => maskOf(make, renewed(mask), axes, sizeOf))
  const mask = joined(make, masks)
  const sinks = match.sink === null ? null : sinksOf(make, renewed(match.sink), axes, sizeOf)
  const operands = [
    arrange(make, renewed(query), [axes.B, axes.S, axes.G, axes.R]),
    arrange(make, renewed(key), [axes.B, axes.T, axes.G]),
    arrange(make, renewed(value), [axes.B, axes.T, axes.G]),
    ...(mask === null ? [] : [mask]),
    ...(sinks === null ? [] : [sinks]),
    ...(match.past === null ? [] : [pastOf(make, renewed(match.past), axes, sizeOf)]),
  ]
  const attention = make('attention', operands, { scale, cap, before, after })
  const order: readonly Label[] = [...axes.B, ...axes.S, ...axes.G, ...axes.R, null]
  const apart = make.reshape(
    attention,
    order.map((label) => (label === null ? attention.shape[4] : sizeOf(label))),
  )
  const moved = make.transpose(
    apart,
    match.result.map((label) => order.indexOf(label)),
  )
  return make.reshape(moved, shape)
}
