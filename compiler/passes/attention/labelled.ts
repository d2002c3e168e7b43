/** Views of a node: the node behind movements, with a label for each of its axes. */
import { ONE } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { isOp } from '../../graph/walk.ts'
import { longAxes, sameShape } from '../rules/match.ts'

/** What an axis is, among the axes of the scores; null for an axis of one element. */
export type Label = number | null

export interface Labelled {
  readonly node: Node
  readonly labels: readonly Label[]
}

type Pass = (node: Node) => void

/** A reshape that adds or removes axes of one element. */
const isUnitReshape = ({ shape }: Node, input: Node): boolean =>
  sameShape(
    longAxes(shape).map((axis) => shape[axis]),
    longAxes(input.shape).map((axis) => input.shape[axis]),
  )

/** The operand of a movement that keeps each element's labels; null for any other node. */
function below({ node, labels }: Labelled): Labelled | null {
  const [input] = node.inputs
  if (isOp(node, 'broadcast')) {
    const { axes } = node.params
    return { node: input, labels: input.shape.map((size, axis) => (size === ONE ? null : labels[axes[axis]])) }
  }
  if (isOp(node, 'transpose')) {
    const { order } = node.params
    return { node: input, labels: input.shape.map((_, axis) => labels[order.indexOf(axis)]) }
  }
  if (!isOp(node, 'reshape') || !isUnitReshape(node, input)) return null
  const long = longAxes(node.shape).map((axis) => labels[axis])
  return { node: input, labels: input.shape.map((size) => (size === ONE ? null : long.shift()!)) }
}

/** The source of all such movements. `pass` is told of each node on the way, and the source is not. */
export function behind(view: Labelled, pass: Pass = () => {}): Labelled {
  for (let here = view; ;) {
    const next = below(here)
    if (next === null) return here
    pass(here.node)
    here = next
  }
}

/** The same through `stop_gradient` too: of what has no gradient, whether it is stopped or not. */
export function valueBehind(view: Labelled, pass: Pass = () => {}): Labelled {
  const here = behind(view, pass)
  if (!isOp(here.node, 'stop_gradient')) return here
  pass(here.node)
  return valueBehind({ node: here.node.inputs[0], labels: here.labels }, pass)
}
