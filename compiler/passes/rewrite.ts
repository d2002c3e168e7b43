/** Rewrite rules: tables of laws, and the rewriting of a graph by them. */
import type { Graph, Node } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { createMaker, type Maker } from '../ops/maker.ts'
import { copy, rebuild, type Visit } from '../ops/rebuild.ts'

type NodeOf<N extends OpName> = Extract<Node, { readonly op: N }>

export interface Rule {
  /** `multiply-by-one`: what `explain --stage passes` calls the rule. */
  readonly name: string
  /** Left side  ==>  right side. */
  readonly law: string
  readonly ops: readonly OpName[]
  /** What the node becomes, made of its operands; null where the rule does not match. */
  readonly rewrite: (node: Node, make: Maker) => Node | null
}

/** Is told the name of each rewrite that fires. */
export type Fired = (name: string) => void

export const ignore: Fired = () => {}

/** A rule for nodes of one op, or of several that the law treats alike. */
export function rule<N extends OpName>(
  name: string,
  ops: N | readonly N[],
  law: string,
  rewrite: (node: NodeOf<N>, make: Maker) => Node | null,
): Rule {
  return { name, law, ops: typeof ops === 'string' ? [ops] : ops, rewrite: rewrite as Rule['rewrite'] }
}

/** No rewriting goes deeper than this unless two rules undo each other. */
const MAX_DEPTH = 200

/** Visits with a table of rules; what a rule makes is rewritten too, so that no rule matches the result. */
export function visitWith(rules: readonly Rule[], fired: Fired): Visit {
  const byOp = new Map<OpName, Rule[]>()
  for (const each of rules) for (const op of each.ops) byOp.set(op, [...(byOp.get(op) ?? []), each])
  const rulesOf = (op: OpName): readonly Rule[] => byOp.get(op) ?? []
  const rewriting = (raw: Maker): Maker => {
    let depth = 0
    const make: Maker = createMaker((op, operands, params) => {
      const node = raw(op, operands, params)
      if (++depth > MAX_DEPTH)
        throw new Error(
          `rules undo each other at ${op}: ${rulesOf(op)
            .map(({ name }) => name)
            .join(', ')}`,
        )
      const better = firstMatch(rulesOf(op), node, make)
      depth--
      if (better === null) return node
      fired(better.name)
      return better.node
    })
    return make
  }
  // one maker serves a whole graph
  const makers = new Map<Maker, Maker>()
  return (node, inputs, raw) => {
    const make = makers.get(raw) ?? rewriting(raw)
    makers.set(raw, make)
    return copy(node, inputs, make)
  }
}

/** What the first rule that matches makes of a node. */
function firstMatch(rules: readonly Rule[], node: Node, make: Maker): { readonly name: string; readonly node: Node } | null {
  for (const { name, rewrite } of rules) {
    const better = rewrite(node, make)
    if (better !== null && better !== node) return { name, node: better }
  }
  return null
}

/** Rewrites a graph with a table of rules, until none matches. */
export const rewrite = (graph: Graph, rules: readonly Rule[], fired: Fired = ignore): Graph =>
  rebuild(graph, visitWith(rules, fired))
