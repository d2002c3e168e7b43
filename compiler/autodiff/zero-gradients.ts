/** Finds trained weights whose gradient is always 0 because it cancels. */
import { ONE } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { isOp, reachable } from '../graph/walk.ts'
import { gradientRuleOf } from './rules.ts'

export type TrainableLeaf = Node<'weight'> & { readonly op: 'weight' }

const extents = ({ shape }: Node): string =>
  shape
    .filter((size) => size !== ONE)
    .map((size) => size.key)
    .join()

/** The largest epsilon of a divisor. */
const SMALL = 1e-6

function constantOf(node: Node): number | null {
  if (isOp(node, 'constant')) return node.params.values.length === 1 ? Math.abs(Number(node.params.values[0])) : null
  return isOp(node, 'reshape') || isOp(node, 'broadcast') ? constantOf(node.inputs[0]) : null
}

/**
 * The operand of which a node is the same elements, up to a factor that nothing changes and to a small summand; null for all
 * others.
 */
function sameElements(node: Node): Node | null {
  if (isOp(node, 'reshape') || isOp(node, 'broadcast') || isOp(node, 'sum'))
    return extents(node) === extents(node.inputs[0]) ? node.inputs[0] : null
  if (isOp(node, 'divide')) return constantOf(node.inputs[1]) === null ? null : node.inputs[0]
  if (!isOp(node, 'multiply') && !isOp(node, 'add')) return null
  const at = node.inputs.findIndex((input) => constantOf(input) !== null)
  const isKept = at >= 0 && (isOp(node, 'multiply') || constantOf(node.inputs[at])! <= SMALL)
  return isKept ? node.inputs[1 - at] : null
}

function core(node: Node): Node {
  const same = sameElements(node)
  return same === null || extents(same) !== extents(node) ? node : core(same)
}

/**
 * w / sum(w) of one element each: 1 whatever w is, so that nothing is learned through it. A constant that keeps 0 from dividing
 * changes little.
 */
const isConstantQuotient = (node: Node): boolean => isOp(node, 'divide') && core(node.inputs[0]) === core(node.inputs[1])

/** Weights from which gradients come, when they pass through all nodes but those that `isCut` says. */
function reachedByGradient(losses: readonly Node[], isCut: (node: Node) => boolean): ReadonlySet<string> {
  const found = new Set(losses)
  const names = new Set<string>()
  for (const node of reachable(losses).toReversed()) {
    if (!found.has(node)) continue
    if (isOp(node, 'weight')) names.add(node.params.name)
    if (node.dtype !== 'f32' || gradientRuleOf(node.op).kind === 'none' || isCut(node)) continue
    for (const input of node.inputs) found.add(input)
  }
  return names
}

/** Weights whose gradients in all these training graphs pass only through quotients that are always 1. */
export function zeroGradientWeights(graphs: readonly Graph[]): readonly TrainableLeaf[] {
  const losses = graphs.map(({ outputs }) => outputs.filter(({ role }) => role?.kind === 'loss').map(({ node }) => node))
  const moved = new Set(losses.flatMap((each) => [...reachedByGradient(each, isConstantQuotient)]))
  const asked = new Set(losses.flatMap((each) => [...reachedByGradient(each, () => false)]))
  const leaves = new Map(
    losses
      .flatMap((each) => reachable(each))
      .flatMap((node) => (isOp(node, 'weight') ? [[node.params.name, node as TrainableLeaf] as const] : [])),
  )
  return [...leaves].flatMap(([name, leaf]) => (asked.has(name) && !moved.has(name) ? [leaf] : []))
}
