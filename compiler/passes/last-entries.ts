/**
 * Outputs of which only the last entry along an axis is wanted, as the logits after the last token of a text: what is computed
 * for the other entries alone is left out. An analysis of demand goes from the outputs to their operands: through an op whose
 * entries along the axis are independent, its operands are wanted along their axes only. Where something else wants a value
 * whole, or an op mixes entries, the value is computed whole and sliced.
 */
import { ONE, product, subtract, ZERO, type Dim } from '../../plan/dim.ts'
import { ArgumentError } from '../../plan/arguments.ts'
import type { Graph, Node } from '../graph/node.ts'
import { isOp, liveNodes } from '../graph/walk.ts'
import { createBuilder } from '../ops/build.ts'
import { isElementwise, isReduction } from '../ops/kinds.ts'
import { makerAt, type Make, type Maker } from '../ops/maker.ts'
import { copy, rebuildInto, withNodes } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

/** Output -> the axis along which its last entry alone is wanted. */
export type LastEntries = Readonly<Record<string, number>>

/** The axis along which the last entry is wanted; null for the whole value. */
type Demand = number | null

const whole = (node: Node): readonly Demand[] => node.inputs.map(() => null)

/** The demand on each operand of a node of which an entry along an axis is wanted; null where that takes all entries. */
function demandOn(node: Node, axis: number): readonly Demand[] | null {
  const alike = (): readonly Demand[] => node.inputs.map(() => axis)
  if (isOp(node, 'compute_at_load')) return null
  if (isElementwise(node)) return alike()
  if (isReduction(node)) return [axis < (node.params as { readonly axis: number }).axis ? axis : axis + 1]
  switch (node.op) {
    case 'transpose':
      return [node.params.order[axis]]
    case 'broadcast': {
      const from = node.params.axes.indexOf(axis)
      return [from < 0 ? null : from]
    }
    case 'reshape':
      return sameAxis(node.inputs[0].shape, node.shape, axis)
    case 'slice':
      return isWholeAlong(node, axis) ? alike() : null
    case 'concat':
      return node.params.axis === axis ? null : alike()
    case 'contract':
      return demandOfContract(node, axis)
    case 'take': {
      const ids = node.inputs[1].shape.length
      return axis < ids ? [null, axis] : [axis - ids + 1, null]
    }
    case 'pick':
    case 'top_k':
      return axis === node.shape.length - 1 ? null : alike()
    default:
      return null
  }
}

/** The axis of the operand of a reshape that has the same size, and as many elements before it. */
function sameAxis(from: readonly Dim[], to: readonly Dim[], axis: number): readonly Demand[] | null {
  const before = product(to.slice(0, axis))
  const found = from.findIndex((size, at) => size === to[axis] && product(from.slice(0, at)) === before)
  return found < 0 ? null : [found]
}

const isWholeAlong = ({ params, inputs: [{ shape }] }: Node & { readonly op: 'slice' }, axis: number): boolean =>
  params.starts[axis] === ZERO && params.steps[axis] === 1 && params.sizes[axis] === shape[axis]

/** Result axes are the batch pairs, the free axes of the left, then those of the right. */
function demandOfContract({ params, inputs }: Node & { readonly op: 'contract' }, axis: number): readonly Demand[] {
  const { batch, over } = params
  if (axis < batch.length) return batch[axis]
  const [left, right] = inputs.map(({ shape }, side) =>
    shape.map((_, at) => at).filter((at) => ![...batch, ...over].some((pair) => pair[side] === at)),
  )
  const free = axis - batch.length
  return free < left.length ? [left[free], null] : [null, right[free - left.length]]
}

/** What is wanted of each node: the same entry by all that read it, or the whole value. */
function demandsOf(graph: Graph, last: LastEntries): ReadonlyMap<Node, Demand> {
  const demands = new Map<Node, Demand>()
  const want = (node: Node, demand: Demand): unknown =>
    demands.set(node, demands.has(node) && demands.get(node) !== demand ? null : demand)
  for (const { name, node } of graph.outputs) want(node, Object.hasOwn(last, name) ? last[name] : null)
  for (const node of liveNodes(graph).toReversed()) {
    const demand = demands.get(node)!
    const operands = demand === null ? null : demandOn(node, demand)
    // what takes all entries is computed whole
    if (operands === null) demands.set(node, null)
    node.inputs.forEach((input, at) => want(input, (operands ?? whole(node))[at]))
  }
  return demands
}

const withOne = (shape: readonly Dim[], axis: number): readonly Dim[] => shape.with(axis, ONE)

/** The last entry of a value along an axis. */
const lastOf = (make: Make, node: Node, axis: number): Node =>
  make('slice', [node], {
    starts: node.shape.map((size, at) => (at === axis ? subtract(size, 1) : ZERO)),
    sizes: withOne(node.shape, axis),
    steps: node.shape.map(() => 1),
  })

/** The node of which one entry along an axis is computed, over operands of which one entry is. */
function narrowed(node: Node, inputs: readonly Node[], axis: number, make: Maker): Node {
  switch (node.op) {
    case 'reshape':
      return make('reshape', inputs, { shape: withOne(node.shape, axis) })
    case 'broadcast':
      return make('broadcast', inputs, { ...node.params, shape: withOne(node.shape, axis) })
    case 'slice':
      return make('slice', inputs, { ...node.params, sizes: withOne(node.params.sizes, axis) })
    default:
      return copy(node, inputs, make)
  }
}

/** Throws for an output or an axis that is not there. */
function checkEntries(graph: Graph, last: LastEntries): void {
  for (const [name, axis] of Object.entries(last)) {
    const output = graph.outputs.find((one) => one.name === name)
    if (output === undefined) {
      const names = graph.outputs.map((one) => one.name).join(', ')
      throw new ArgumentError('compile', `options.last.${name}`, `is not among the outputs: ${names}`)
    }
    if (!Number.isInteger(axis) || axis < 0 || axis >= output.node.shape.length)
      throw new ArgumentError(
        'compile',
        `options.last.${name}`,
        `is ${axis}, and the output has ${output.node.shape.length} axes`,
      )
  }
}

/**
 * The graph whose outputs named here have size 1 along their axis: the last entry of what they were. Throws an ArgumentError for
 * an output or an axis that is not there. A run whose axis is empty is refused by the bounds of its slices.
 */
export function keepLastEntries(graph: Graph, last: LastEntries, fired: Fired = ignore): Graph {
  checkEntries(graph, last)
  const demands = demandsOf(graph, last)
  const builder = createBuilder()
  /** What is wanted of a value: the value is narrow already, or is sliced. */
  const wanted = (make: Make, old: Node, made: Node, demand: Demand): Node => {
    if (demand === null || demands.get(old) !== null) return made
    fired('slice-last-entry')
    return lastOf(make, made, demand)
  }
  const made = rebuildInto(builder, graph, (node, inputs, make) => {
    const demand = demands.get(node)!
    const operands = demand === null ? whole(node) : demandOn(node, demand)!
    const narrow = inputs.map((input, at) => wanted(make, node.inputs[at], input, operands[at]))
    return demand === null ? copy(node, narrow, make) : narrowed(node, narrow, demand, make)
  })
  const { outputs } = graph
  return {
    ...withNodes(graph, made),
    outputs: outputs.map((output) => {
      const { name, node } = output
      const demand = Object.hasOwn(last, name) ? last[name] : null
      return { ...output, node: wanted(makerAt(builder, node.origin), node, made.get(node)!, demand) }
    }),
  }
}
