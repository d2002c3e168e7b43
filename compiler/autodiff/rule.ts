/** The form of a gradient rule (a vector-Jacobian product). */
import type { Node } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import type { Maker } from '../ops/maker.ts'

/** The cotangent of each operand, of its shape; null where none flows. */
export type Cotangents = readonly (Node | null)[]

type NodeOf<N extends OpName> = Extract<Node, { readonly op: N }>

export type GradientRule<N extends OpName> =
  /** No gradient flows: the result is constant almost everywhere, or has no operands. */
  | { readonly kind: 'none'; readonly reason: string }
  /** There is a gradient, and no rule for it. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** `dy` is the cotangent of the node, of its shape. The maker makes nodes for the origin of the node. */
  | { readonly kind: 'rule'; readonly formula: string; readonly of: (make: Maker, node: NodeOf<N>, dy: Node) => Cotangents }

export type GradientRules<N extends OpName> = { readonly [K in N]: GradientRule<K> }

export const none = (reason: string): { readonly kind: 'none'; readonly reason: string } => ({ kind: 'none', reason })
export const refused = (reason: string): { readonly kind: 'refused'; readonly reason: string } => ({ kind: 'refused', reason })
export const rule = <N extends OpName>(
  formula: string,
  of: (make: Maker, node: NodeOf<N>, dy: Node) => Cotangents,
): GradientRule<N> => ({ kind: 'rule', formula, of })
