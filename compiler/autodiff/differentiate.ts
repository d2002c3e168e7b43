/** Graph -> graph: the same losses, and the gradient of their sum for every weight. */
import { outputName, type OutputRole } from '../../plan/output-role.ts'
import type { Graph, Node, Origin, Output } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { isOp, nodesOf, reachable } from '../graph/walk.ts'
import { createBuilder, NO_ORIGIN, type Builder } from '../ops/build.ts'
import { makerAt, type Maker } from '../ops/maker.ts'
import { copy, rebuildInto } from '../ops/rebuild.ts'
import type { Cotangents, GradientRule } from './rule.ts'
import { gradientRuleOf } from './rules.ts'

/** What stands between a loss and a weight has no gradient. */
export class GradientError extends Error {
  override readonly name = 'GradientError'
  readonly origin: Origin

  constructor(op: string, reason: string, origin: Origin) {
    super(`${op} has no gradient: ${reason}`)
    this.origin = origin
  }
}

export interface DifferentiateOptions {
  /** Outputs whose sum is differentiated, f32 [], by name; the losses unless given. */
  readonly losses?: readonly string[]
  /** Leaves, weights or inputs, by name; all weights unless given. */
  readonly by?: readonly string[]
  /** An input of its own, f32 [], that multiplies the losses in the backward pass; none unless named. */
  readonly scale?: string | null
}

/**
 * Adds outputs `gradient.NAME`, f32 of the leaf's shape: d(sum of the losses) / d leaf, 0 where the losses do not depend on it.
 * Cotangents are summed in the order of descending users, so that the result is the same from run to run.
 * What is held is held no longer where a gradient passes through it: it is to be made anew whenever those leaves have changed.
 * Throws a GradientError where an op on the way has none.
 */
export function differentiate(graph: Graph, { losses, by, scale = null }: DifferentiateOptions = {}): Graph {
  const builder = createBuilder()
  const isLeaf = (node: Node): boolean => (by === undefined ? isOp(node, 'weight') : by.includes(leafName(node) ?? ''))
  const copied = copyInto(builder, graph, isLeaf)
  const outputs = graph.outputs.map((output) => ({ ...output, node: copied.get(output.node)! }))
  const summed = outputs.filter(({ name, role }) => losses?.includes(name) ?? role?.kind === 'loss')
  const leaves = [...new Set(copied.values())].filter(isLeaf)
  const factor =
    scale === null
      ? null
      : (builder.make('input', [], { name: scale, dtype: 'f32', shape: [] }, NO_ORIGIN) as Graph['inputs'][number])
  const gradients = backward(builder, summed, new Set(leaves), factor)
  const added = leaves.map((leaf): Output => {
    const role: OutputRole = { kind: 'gradient', of: leafName(leaf)! }
    return {
      name: outputName(role),
      role,
      doc: `d(sum of the losses) / d ${role.of}`,
      node: gradients.get(leaf) ?? makerAt(builder, leaf.origin).filled(leaf.shape, 'f32', 0),
    }
  })
  const inputs = graph.inputs.map((input) => copied.get(input) as typeof input)
  return { ...graph, inputs: factor === null ? inputs : [...inputs, factor], outputs: [...outputs, ...added] }
}

const leafName = (node: Node): string | null => (isOp(node, 'weight') || isOp(node, 'input') ? node.params.name : null)

// compute_at_load(x)  ==>  x, where x depends on a leaf
function copyInto(builder: Builder, graph: Graph, isLeaf: (node: Node) => boolean): ReadonlyMap<Node, Node> {
  const nodes = nodesOf(graph)
  const updated = dependent(nodes, new Set(nodes.filter(isLeaf)))
  return rebuildInto(builder, graph, (node, inputs, make) =>
    isOp(node, 'compute_at_load') && updated.has(node) ? inputs[0] : copy(node, inputs, make),
  )
}

/** Nodes that depend on one of the leaves through what gradients pass. */
function dependent(nodes: readonly Node[], leaves: ReadonlySet<Node>): ReadonlySet<Node> {
  const found = new Set<Node>(leaves)
  const passes = (node: Node): boolean => node.dtype === 'f32' && gradientRuleOf(node.op).kind !== 'none'
  for (const node of nodes) if (passes(node) && node.inputs.some((input) => found.has(input))) found.add(node)
  return found
}

function backward(
  builder: Builder,
  losses: readonly Output[],
  leaves: ReadonlySet<Node>,
  factor: Node | null,
): ReadonlyMap<Node, Node> {
  const nodes = reachable(losses.map(({ node }) => node))
  const wanted = dependent(nodes, leaves)
  const cotangents = new Map<Node, Node>()
  const give = (make: Maker, node: Node, cotangent: Node): void => {
    const before = cotangents.get(node)
    cotangents.set(node, before === undefined ? cotangent : make.add(before, cotangent))
  }
  for (const { node } of losses) {
    const make = makerAt(builder, node.origin)
    if (wanted.has(node)) give(make, node, factor ?? make.like(node, 1))
  }
  for (const node of nodes.toReversed()) {
    const dy = cotangents.get(node)
    if (dy === undefined || leaves.has(node)) continue
    const make = makerAt(builder, node.origin)
    given(make, node, dy).forEach((cotangent, at) => {
      const input = node.inputs[at]
      if (cotangent !== null && wanted.has(input)) give(make, input, cotangent)
    })
  }
  return cotangents
}

function given(make: Maker, node: Node, dy: Node): Cotangents {
  const rule = gradientRuleOf(node.op) as GradientRule<OpName>
  switch (rule.kind) {
    case 'none':
      return node.inputs.map(() => null)
    case 'refused':
      throw new GradientError(node.op, rule.reason, node.origin)
    case 'rule':
      return rule.of(make, node as never, dy)
    default:
      return rule satisfies never
  }
}
