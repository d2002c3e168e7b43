/** Bottom-up rebuilding of a graph: how passes, autodiff and optimizers make a graph of another. */
import type { Graph, Node } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { reachable } from '../graph/walk.ts'
import { createBuilder, NO_ORIGIN, type Builder } from './build.ts'
import { createMaker, type Maker } from './maker.ts'
import type { TensorType } from './record.ts'
import { sameShape } from './shapes.ts'

/** What a node becomes: `node` is the old one, `inputs` are new. The maker makes nodes for the origin of the node in hand. */
export type Visit = (node: Node, inputs: readonly Node[], make: Maker) => Node

/** The same node over the new operands. */
export const copy: Visit = (node, inputs, make) => make(node.op, inputs, node.params as never)

/** The type of a node, where the other op, operands and parameters give the same one; undefined where they may not. */
function typeLike(node: Node, op: OpName, inputs: readonly Node[], params: unknown): TensorType | undefined {
  if (op !== node.op || params !== node.params || inputs.length !== node.inputs.length) return undefined
  const isAlike = inputs.every((input, at) => {
    const { shape, dtype } = node.inputs[at]
    return input.dtype === dtype && sameShape(input.shape, shape)
  })
  return isAlike ? node : undefined
}

/** Old node -> new one, made in `builder`: first the inputs of the graph, then what its outputs read, operands first. */
export function rebuildInto(builder: Builder, graph: Graph, visit: Visit): ReadonlyMap<Node, Node> {
  let old: Node | null = null
  const make = createMaker(
    (op, inputs, params) =>
      builder.make(
        op,
        inputs,
        params,
        old?.origin ?? NO_ORIGIN,
        old === null ? undefined : typeLike(old, op, inputs, params),
      ) as Node,
  )
  const made = new Map<Node, Node>(graph.inputs.map((input) => [input, builder.make('input', [], input.params, input.origin)]))
  for (const node of reachable(graph.outputs.map((output) => output.node))) {
    if (made.has(node)) continue
    old = node
    made.set(
      node,
      visit(
        node,
        node.inputs.map((input) => made.get(input)!),
        make,
      ),
    )
  }
  return made
}

/** The graph with its nodes replaced. */
export const withNodes = (graph: Graph, made: ReadonlyMap<Node, Node>): Graph => ({
  ...graph,
  inputs: graph.inputs.map((input) => made.get(input) as typeof input),
  outputs: graph.outputs.map((output) => ({ ...output, node: made.get(output.node)! })),
})

/**
 * A new graph, in a builder of its own, of what the outputs need; inputs stay though nothing needs them. The same graph where no
 * node changed.
 */
export function rebuild(graph: Graph, visit: Visit): Graph {
  const made = rebuildInto(createBuilder(), graph, visit)
  return isUnchanged(made) ? graph : withNodes(graph, made)
}

/** Whether every new node equals its old one. */
function isUnchanged(made: ReadonlyMap<Node, Node>): boolean {
  for (const [before, after] of made) {
    if (before.id !== after.id || before.op !== after.op || before.params !== after.params || before.origin !== after.origin)
      return false
    if (before.inputs.some((input, at) => input.id !== after.inputs[at].id)) return false
  }
  return true
}
