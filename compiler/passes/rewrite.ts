/** Bottom-up rebuilding of a graph, and tables of rules for it. */
import type { Graph, Node } from '../graph/node.ts'
import type { OpName, OpParams } from '../graph/vocabulary.ts'
import { reachable } from '../graph/walk.ts'
import { createBuilder } from '../ops/build.ts'

/** Makes a node in the new graph, for the words that the node in hand came from. */
export type Make = <N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N]) => Node

/** What a node becomes: `node` is the old one, `inputs` are new. */
export type Visit = (node: Node, inputs: readonly Node[], make: Make) => Node

/** The same node over the new operands. */
export const copy: Visit = (node, inputs, make) => make(node.op, inputs, node.params as never)

/** A new graph, in a builder of its own, of what the outputs need; inputs stay though nothing needs them. */
export function rebuild(graph: Graph, visit: Visit): Graph {
  const builder = createBuilder()
  const made = new Map<Node, Node>(graph.inputs.map((input) => [input, builder.make('input', [], input.params, input.origin)]))
  for (const node of reachable(graph.outputs.map((output) => output.node))) {
    if (made.has(node)) continue
    const make: Make = (op, inputs, params) => builder.make(op, inputs, params, node.origin) as Node
    made.set(
      node,
      visit(
        node,
        node.inputs.map((input) => made.get(input)!),
        make,
      ),
    )
  }
  if (isUnchanged(made)) return graph
  return {
    ...graph,
    inputs: graph.inputs.map((input) => made.get(input) as (typeof graph.inputs)[number]),
    outputs: graph.outputs.map((output) => ({ ...output, node: made.get(output.node)! })),
  }
}

/** Whether the rewrite changed no node. */
function isUnchanged(made: ReadonlyMap<Node, Node>): boolean {
  for (const [before, after] of made) {
    if (before.id !== after.id || before.op !== after.op || before.params !== after.params || before.origin !== after.origin)
      return false
    if (before.inputs.some((input, at) => input.id !== after.inputs[at].id)) return false
  }
  return true
}

type NodeOf<N extends OpName> = Extract<Node, { readonly op: N }>

export interface Rule {
  /** Left side  ==>  right side. */
  readonly law: string
  readonly ops: readonly OpName[]
  /** What the node becomes, made of its operands; null where the rule does not fit. */
  readonly rewrite: (node: Node, make: Make) => Node | null
}

/** A rule for nodes of one op, or of several that the law treats alike. */
export function rule<N extends OpName>(
  ops: N | readonly N[],
  law: string,
  rewrite: (node: NodeOf<N>, make: Make) => Node | null,
): Rule {
  return { law, ops: typeof ops === 'string' ? [ops] : ops, rewrite: rewrite as Rule['rewrite'] }
}

/** No rewriting goes deeper than this unless two rules undo each other. */
const DEEPEST = 200

/** Visits with a table of rules; what a rule makes is rewritten too, so the result is one that no rule fits. */
export function visitWith(rules: readonly Rule[], fired: (law: string) => void = () => {}): Visit {
  const byOp = new Map<OpName, Rule[]>()
  for (const each of rules) for (const op of each.ops) byOp.set(op, [...(byOp.get(op) ?? []), each])
  return (old, inputs, raw) => {
    let depth = 0
    const make: Make = (op, operands, params) => {
      const node = raw(op, operands, params)
      if (++depth > DEEPEST)
        throw new Error(
          `rules undo each other at ${op}: ${byOp
            .get(op)!
            .map(({ law }) => law)
            .join(', ')}`,
        )
      const better = first(byOp.get(op) ?? [], node, make)
      depth--
      if (better === null) return node
      fired(better.law)
      return better.node
    }
    return copy(old, inputs, make)
  }
}

/** What the first rule that fits makes of a node. */
function first(rules: readonly Rule[], node: Node, make: Make): { readonly law: string; readonly node: Node } | null {
  for (const { law, rewrite } of rules) {
    const better = rewrite(node, make)
    if (better !== null && better !== node) return { law, node: better }
  }
  return null
}

/** Rewrites a graph with a table of rules. `fired` hears the law of each rule that fits. */
export const rewrite = (graph: Graph, rules: readonly Rule[], fired?: (law: string) => void): Graph =>
  rebuild(graph, visitWith(rules, fired))
