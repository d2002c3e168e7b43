/** Ops that the layout of a moe is made of, short. */
import type { Dim } from '../../plan/dim.ts'
import type { Node, Origin } from '../graph/node.ts'
import type { OpName, OpParams } from '../graph/vocabulary.ts'
import { constantNode, sameShape } from './emit.ts'
import type { Environment } from './environment.ts'

export interface Maker {
  readonly environment: Environment
  readonly origin: Origin
}

export const make = <N extends OpName>(
  { environment: { builder }, origin }: Maker,
  op: N,
  inputs: readonly Node[],
  params: OpParams[N],
): Node => builder.make(op, inputs, params, origin) as Node

export const reshape = (maker: Maker, x: Node, shape: readonly Dim[]): Node =>
  sameShape(x.shape, shape) ? x : make(maker, 'reshape', [x], { shape })

/** x repeated along the axes of `shape` that `axes` leaves out. */
export const spread = (maker: Maker, x: Node, shape: readonly Dim[], axes: readonly number[]): Node =>
  sameShape(x.shape, shape) ? x : make(maker, 'broadcast', [x], { shape, axes })

/** One number everywhere. */
export const filled = (maker: Maker, value: number, { shape, dtype }: Pick<Node, 'shape' | 'dtype'>): Node =>
  spread(maker, constantNode(maker.environment.builder, value, dtype, maker.origin), shape, [])

/** x where the condition holds, one number elsewhere. */
export const orElse = (maker: Maker, condition: Node, x: Node, otherwise: number): Node =>
  make(maker, 'select', [condition, x, filled(maker, otherwise, x)], {})
