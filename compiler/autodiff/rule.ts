/** The form of a gradient rule, and the short words that rules are written in. */
import type { Dim } from '../../plan/dim.ts'
import type { Node, Origin } from '../graph/node.ts'
import type { DType, OpName, OpParams } from '../graph/vocabulary.ts'
import { NONE, type Builder } from '../ops/build.ts'
import { sameShape } from '../ops/shapes.ts'

/** One for each operand: its cotangent, of its shape; null where none flows. */
export type Cotangents = readonly (Node | null)[]

type NodeOf<N extends OpName> = Extract<Node, { readonly op: N }>

export type GradientRule<N extends OpName> =
  /** Nothing flows: the result is constant almost everywhere, or stands for itself. */
  | { readonly kind: 'none'; readonly reason: string }
  /** Something would flow, and nobody can say what. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** `dy` is the cotangent of the node, of its shape; the operands' are made with the tape. */
  | { readonly kind: 'rule'; readonly formula: string; readonly of: (tape: Tape, node: NodeOf<N>, dy: Node) => Cotangents }

export type GradientRules<N extends OpName> = { readonly [K in N]: GradientRule<K> }

export const none = (reason: string): { readonly kind: 'none'; readonly reason: string } => ({ kind: 'none', reason })
export const refused = (reason: string): { readonly kind: 'refused'; readonly reason: string } => ({ kind: 'refused', reason })
export const rule = <N extends OpName>(
  formula: string,
  of: (tape: Tape, node: NodeOf<N>, dy: Node) => Cotangents,
): GradientRule<N> => ({ kind: 'rule', formula, of })

/** Makes nodes of the way back, for the words of the node that it goes back through. */
export interface Tape {
  readonly make: <N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N]) => Node
  readonly add: (a: Node, b: Node) => Node
  readonly subtract: (a: Node, b: Node) => Node
  readonly multiply: (a: Node, b: Node) => Node
  readonly divide: (a: Node, b: Node) => Node
  readonly negate: (a: Node) => Node
  /** The number everywhere, beside the node. */
  readonly like: (node: Node, value: number) => Node
  readonly filled: (shape: readonly Dim[], dtype: DType, value: number) => Node
  readonly times: (a: Node, factor: number) => Node
  /** a where the condition holds, 0 elsewhere. */
  readonly where: (condition: Node, a: Node) => Node
  readonly reshape: (a: Node, shape: readonly Dim[]) => Node
  readonly transpose: (a: Node, order: readonly number[]) => Node
  /** Axis i of the operand becomes axis axes[i]; the others repeat. */
  readonly spread: (a: Node, shape: readonly Dim[], axes: readonly number[]) => Node
}

export function createTape(builder: Builder, origin: Origin): Tape {
  const make: Tape['make'] = (op, inputs, params) => builder.make(op, inputs, params, origin) as Node
  const spread: Tape['spread'] = (a, shape, axes) => (sameShape(a.shape, shape) ? a : make('broadcast', [a], { shape, axes }))
  const filled: Tape['filled'] = (shape, dtype, value) =>
    spread(make('constant', [], { dtype, shape: [], values: [value] }), shape, [])
  const like: Tape['like'] = ({ shape, dtype }, value) => filled(shape, dtype, value)
  return {
    make,
    spread,
    filled,
    like,
    add: (a, b) => make('add', [a, b], NONE),
    subtract: (a, b) => make('subtract', [a, b], NONE),
    multiply: (a, b) => make('multiply', [a, b], NONE),
    divide: (a, b) => make('divide', [a, b], NONE),
    negate: (a) => make('negate', [a], NONE),
    times: (a, factor) => make('multiply', [a, like(a, factor)], NONE),
    where: (condition, a) => make('select', [condition, a, like(a, 0)], NONE),
    reshape: (a, shape) => (sameShape(a.shape, shape) ? a : make('reshape', [a], { shape })),
    transpose: (a, order) => (order.every((axis, i) => axis === i) ? a : make('transpose', [a], { order })),
  }
}
