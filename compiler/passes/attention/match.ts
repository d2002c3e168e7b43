/**
 * The form of an attention among the ops of a graph: contraction of query and key, scale, soft cap, masks, softmax along the keys
 * with or without a sink, contraction with the values.
 */
import type { Node } from '../../graph/node.ts'
import { isOp } from '../../graph/walk.ts'
import { contractAxes } from '../../ops/contract.ts'
import { UNSEEN } from '../../ops/attention.ts'
import { uniform } from '../rules/match.ts'
import { behind, valueBehind, type Label, type Labelled } from './labelled.ts'
import { intersection, masksOf, type Masks } from './mask.ts'

/** Labels are axes of the weights, which are those of the scores; null in the place of the channels of an operand. */
export interface AttentionMatch {
  readonly query: Labelled
  readonly key: Labelled
  readonly value: Labelled
  /** Labels that query, key and value share, those of queries alone, and that of keys. */
  readonly shared: readonly number[]
  readonly queries: readonly number[]
  readonly keys: number
  /** The label of the positions of queries in the band. */
  readonly positions: number
  readonly scale: number
  readonly cap: number
  readonly before: number
  readonly after: number
  readonly masks: readonly Labelled[]
  readonly sink: Labelled | null
  /** The place of the first query among the keys of each sequence. */
  readonly past: Labelled | null
  /** Nodes that nothing else may read, as they are not computed. */
  readonly inner: ReadonlySet<Node>
  /** The labels of the axes of the result; null for the channels of the values. */
  readonly result: readonly Label[]
}

type Take = (node: Node) => void

/** The two operands, in either order, where `is` holds of the first. */
function operandsWhere(node: Node, is: (node: Node) => boolean): readonly [Node, Node] | null {
  const [a, b] = node.inputs
  if (is(a)) return [a, b]
  return is(b) ? [b, a] : null
}

const isBehind =
  (op: Node['op']) =>
  (node: Node): boolean =>
    behind({ node, labels: node.shape.map(() => null) }).node.op === op

/** exp(x - most), the logits x, and the most where it is known to be of x and a sink. */
interface Shifted {
  readonly logits: Labelled
  readonly sink: Labelled | null
}

/** The softmax whose result is a node: its logits, and its sink. */
function softmaxOf(
  weights: Labelled,
  key: (labels: readonly Label[]) => number,
  take: Take,
): (Shifted & { readonly t: number }) | null {
  const quotient = behind(weights, take)
  if (!isOp(quotient.node, 'divide')) return null
  take(quotient.node)
  const { labels } = quotient
  const t = key(labels)
  const [exponential, divisor] = quotient.node.inputs
  if (!isOp(exponential, 'exp')) return null
  take(exponential)
  const sum = behind({ node: divisor, labels }, take)
  take(sum.node)
  const shifted = exponential.inputs[0]
  if (!isOp(shifted, 'subtract')) return null
  take(shifted)
  const [x, most] = shifted.inputs
  const isSumOf = (node: Node): boolean =>
    isOp(node, 'sum') && node.inputs[0] === exponential && labels[node.params.axis] === labels[t]
  const isMaxOf = (node: Node): boolean => isOp(node, 'max') && node.inputs[0] === x && labels[node.params.axis] === labels[t]
  // the softmax does not depend on the shift, whose gradient is zero
  const top = valueBehind({ node: most, labels }, take)
  take(top.node)
  const logits = { node: x, labels }
  if (isSumOf(sum.node)) return isMaxOf(top.node) ? { logits, sink: null, t } : null
  if (!isOp(sum.node, 'add') || !isOp(top.node, 'maximum')) return null
  const sums = operandsWhere(sum.node, (node) => isSumOf(behind({ node, labels: sum.labels }).node))
  const tops = operandsWhere(top.node, (node) => isMaxOf(valueBehind({ node, labels: top.labels }).node))
  if (sums === null || tops === null) return null
  take(behind({ node: sums[0], labels: sum.labels }, take).node)
  take(valueBehind({ node: tops[0], labels: top.labels }, take).node)
  const beside = behind({ node: sums[1], labels: sum.labels }, take)
  take(beside.node)
  if (!isOp(beside.node, 'exp') || !isOp(beside.node.inputs[0], 'subtract')) return null
  take(beside.node.inputs[0])
  const [side, under] = beside.node.inputs[0].inputs
  const isSameTop = valueBehind({ node: under, labels: beside.labels }, take).node === top.node
  const sink = behind({ node: side, labels: beside.labels })
  const [own, other] = [valueBehind(sink), valueBehind({ node: tops[1], labels: top.labels })]
  const isSameSink = own.node === other.node && own.labels.every((label, axis) => label === other.labels[axis])
  return isSameTop && isSameSink ? { logits, sink, t } : null
}

/** where(mask, x, lowest), again and again. */
function unmasked(view: Labelled, key: number, take: Take): { readonly scores: Labelled; readonly masks: Masks } {
  let scores = behind(view, take)
  const found: Masks[] = []
  while (isOp(scores.node, 'select')) {
    const [condition, then, otherwise] = scores.node.inputs
    if (uniform(otherwise) !== UNSEEN) break
    take(scores.node)
    found.push(masksOf(condition, scores.labels, key))
    scores = behind({ node: then, labels: scores.labels }, take)
  }
  return { scores, masks: { bands: found.flatMap(({ bands }) => bands), tensors: found.flatMap(({ tensors }) => tensors) } }
}

/** cap * tanh(x / cap). */
function uncapped(view: Labelled, take: Take): { readonly scores: Labelled; readonly cap: number } {
  const { node, labels } = view
  const none = { scores: view, cap: 0 }
  if (!isOp(node, 'multiply')) return none
  const factors = operandsWhere(node, (operand) => uniform(operand) !== undefined)
  if (factors === null) return none
  const cap = uniform(factors[0])!
  const bent = behind({ node: factors[1], labels })
  const quotient = isOp(bent.node, 'tanh') ? bent.node.inputs[0] : null
  if (quotient === null || !isOp(quotient, 'divide') || uniform(quotient.inputs[1]) !== cap || !(cap > 0)) return none
  take(node)
  take(behind({ node: factors[1], labels }, take).node)
  take(quotient)
  return { scores: behind({ node: quotient.inputs[0], labels: bent.labels }, take), cap }
}

/** Products and quotients with constants. */
function unscaled(view: Labelled, take: Take): { readonly scores: Labelled; readonly scale: number } {
  let [scores, scale] = [view, 1]
  for (;;) {
    const { node, labels } = scores
    const factors = isOp(node, 'multiply')
      ? operandsWhere(node, (operand) => uniform(operand) !== undefined)
      : isOp(node, 'divide') && uniform(node.inputs[1]) !== undefined
        ? ([node.inputs[1], node.inputs[0]] as const)
        : null
    if (factors === null) return { scores, scale }
    const factor = uniform(factors[0])!
    scale = node.op === 'divide' ? scale / factor : scale * factor
    take(node)
    scores = behind({ node: factors[1], labels }, take)
  }
}

/** An operand of a contraction with its labels, where its axes are labels of the result. */
const labelledOperand = (node: Node & { op: 'contract' }, labels: readonly Label[], side: 0 | 1): Labelled => {
  const axes = contractAxes(node.inputs[side].shape.length, node.params, side)
  const first = side === 0 ? axes.batch.length : labels.length - axes.free.length
  const own: Label[] = node.inputs[side].shape.map(() => null)
  axes.batch.forEach((axis, at) => (own[axis] = labels[at]))
  axes.free.forEach((axis, at) => (own[axis] = labels[first + at]))
  return { node: node.inputs[side], labels: own }
}

const isLabel = (label: Label): label is number => label !== null

/** Null where the node is not the last contraction of an attention. */
export function matchAttention(node: Node): AttentionMatch | null {
  if (!isOp(node, 'contract') || node.params.over.length !== 1) return null
  const side = ([0, 1] as const).find((at) => isBehind('divide')(node.inputs[at]))
  if (side === undefined) return null
  const inner = new Set<Node>()
  const take: Take = (taken) => inner.add(taken)
  const weights = node.inputs[side]
  const keys = node.params.over[0][side]
  const all = weights.shape.map((_, axis) => axis)
  const softmax = softmaxOf({ node: weights, labels: all }, (labels) => labels.indexOf(keys), take)
  if (softmax === null) return null
  const { scores: masked, masks } = unmasked(softmax.logits, keys, take)
  const { scores: bent, cap } = uncapped(masked, take)
  const { scores, scale } = unscaled(bent, take)
  const product = scores.node
  if (!isOp(product, 'contract') || product.params.over.length !== 1) return null
  take(product)
  const sides = ([0, 1] as const).map((at) => labelledOperand(product, scores.labels, at))
  const shared = product.params.batch.map((_, at) => scores.labels[at]).filter(isLabel)
  const isKey = ({ labels }: Labelled): boolean => labels.includes(keys)
  const [key, query] = isKey(sides[0]) ? sides : sides.toReversed()
  const queries = query.labels.filter(isLabel).filter((label) => !shared.includes(label))
  const own = key.labels.filter(isLabel).filter((label) => !shared.includes(label))
  const band = intersection(masks.bands)
  const value = valueOf(node, side)
  const ofValue = value.labels.filter(isLabel)
  const fits =
    own.length === 1 &&
    own[0] === keys &&
    [...shared, ...queries, keys].length === all.length &&
    ofValue.length === shared.length + 1 &&
    [...shared, keys].every((label) => ofValue.includes(label)) &&
    value.labels.length === ofValue.length + 1
  if (!fits || band === null || queries.length < 1 || queries.length > 2 || shared.length > 2) return null
  if (band.query !== null && !queries.includes(band.query)) return null
  return {
    query,
    key,
    value,
    shared,
    queries,
    keys,
    positions: band.query ?? query.labels.find((label) => isLabel(label) && queries.includes(label))!,
    scale,
    cap,
    before: band.before,
    after: band.after,
    masks: masks.tensors,
    sink: softmax.sink,
    past: band.past,
    inner,
    result: resultLabels(node, side),
  }
}

/** The values, whose labels are those of the weights that they are paired with. */
function valueOf({ inputs, params }: Node & { op: 'contract' }, side: 0 | 1): Labelled {
  const value = inputs[1 - side]
  const labels: Label[] = value.shape.map(() => null)
  for (const pair of [...params.batch, ...params.over]) labels[pair[1 - side]] = pair[side]
  return { node: value, labels }
}

function resultLabels({ inputs, params }: Node & { op: 'contract' }, side: 0 | 1): readonly Label[] {
  const free = contractAxes(inputs[side].shape.length, params, side).free
  const channels = contractAxes(inputs[1 - side].shape.length, params, side === 0 ? 1 : 0).free.map(() => null)
  const batch = params.batch.map((pair) => pair[side])
  return side === 0 ? [...batch, ...free, ...channels] : [...batch, ...channels, ...free]
}
