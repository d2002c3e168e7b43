/**
 * Makes nodes for one place in the spec, with the shape inference of the ops: the one way in which compiler rooms write graphs.
 */
import type { Dim } from '../../plan/dim.ts'
import type { Node, Origin } from '../graph/node.ts'
import type { DType, OpName, OpParams } from '../graph/vocabulary.ts'
import { NONE, type Builder } from './build.ts'
import { sameShape } from './shapes.ts'

/** Makes a node of an op. */
export type Make = <N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N]) => Node

/** A `Make`, and the common ops in short. A movement that moves nothing makes no node. */
export interface Maker extends Make {
  readonly add: (a: Node, b: Node) => Node
  readonly subtract: (a: Node, b: Node) => Node
  readonly multiply: (a: Node, b: Node) => Node
  readonly divide: (a: Node, b: Node) => Node
  readonly negate: (a: Node) => Node
  /** a * factor. */
  readonly times: (a: Node, factor: number) => Node
  /** shape []. */
  readonly scalar: (value: number, dtype: DType) => Node
  /** One value everywhere. */
  readonly filled: (shape: readonly Dim[], dtype: DType, value: number) => Node
  /** One value everywhere, of the shape and dtype of a node. */
  readonly like: (node: Pick<Node, 'shape' | 'dtype'>, value: number) => Node
  /** a where the condition holds, one value elsewhere; 0 unless given. */
  readonly where: (condition: Node, a: Node, otherwise?: number) => Node
  readonly reshape: (a: Node, shape: readonly Dim[]) => Node
  /** Axis i of the result is axis order[i] of the operand. */
  readonly transpose: (a: Node, order: readonly number[]) => Node
  /** Axis i of the operand becomes axis axes[i]; the others repeat. An operand of that shape is the result. */
  readonly broadcast: (a: Node, shape: readonly Dim[], axes: readonly number[]) => Node
}

export const isIdentityOrder = (order: readonly number[]): boolean => order.every((axis, at) => axis === at)

export function createMaker(make: Make): Maker {
  const broadcast: Maker['broadcast'] = (a, shape, axes) =>
    sameShape(a.shape, shape) ? a : make('broadcast', [a], { shape, axes })
  const scalar: Maker['scalar'] = (value, dtype) => make('constant', [], { dtype, shape: [], values: [value] })
  const filled: Maker['filled'] = (shape, dtype, value) => broadcast(scalar(value, dtype), shape, [])
  const like: Maker['like'] = ({ shape, dtype }, value) => filled(shape, dtype, value)
  const shorthands: { readonly [K in keyof Maker]: Maker[K] } = {
    scalar,
    filled,
    like,
    broadcast,
    add: (a, b) => make('add', [a, b], NONE),
    subtract: (a, b) => make('subtract', [a, b], NONE),
    multiply: (a, b) => make('multiply', [a, b], NONE),
    divide: (a, b) => make('divide', [a, b], NONE),
    negate: (a) => make('negate', [a], NONE),
    times: (a, factor) => make('multiply', [a, like(a, factor)], NONE),
    where: (condition, a, otherwise = 0) => make('select', [condition, a, like(a, otherwise)], NONE),
    reshape: (a, shape) => (sameShape(a.shape, shape) ? a : make('reshape', [a], { shape })),
    transpose: (a, order) => (isIdentityOrder(order) ? a : make('transpose', [a], { order })),
  }
  return Object.assign(((op, inputs, params) => make(op, inputs, params)) as Make, shorthands)
}

/** A maker for the place that `origin` names. */
export const makerAt = (builder: Builder, origin: Origin): Maker =>
  createMaker((op, inputs, params) => builder.make(op, inputs, params, origin) as Node)
