/** Builtins over nodes: the same expansions that typed them, now with numbers in the place of parameters. */
import { constantValue, divideExact, type Dim } from '../../plan/dim.ts'
import type { Node, Origin } from '../graph/node.ts'
import type { DType } from '../graph/vocabulary.ts'
import type { Emit } from '../model/builtin/emit.ts'
import type { Builder } from '../ops/build.ts'
import { drawUniform } from './random.ts'
import type { Environment } from './environment.ts'
import { cachedRows, positionsOf, withPreviousRows } from './state.ts'

export const constantNode = (builder: Builder, value: number, dtype: DType, origin: Origin): Node =>
  builder.make('constant', [], { dtype, shape: [], values: [value] }, origin)

/** One axis of numbers. */
export const numbersNode = (builder: Builder, values: readonly number[], dtype: DType, origin: Origin): Node =>
  builder.make('constant', [], { dtype, shape: [values.length], values }, origin)

/** A size as a number. A symbolic one is counted: as many ones as the axis is long, summed. */
export function sizeNode(builder: Builder, size: Dim, dtype: DType, origin: Origin): Node {
  const known = constantValue(size)
  if (known !== undefined) return constantNode(builder, known, dtype, origin)
  const ones = builder.make('broadcast', [constantNode(builder, 1, dtype, origin)], { shape: [size], axes: [] }, origin)
  return builder.make('sum', [ones], { axis: 0 }, origin)
}

/** Throws where an operand does not fit: a bug of the checker, which should have refused it. */
export function emitNodes(
  { builder, randomStreams, state }: Pick<Environment, 'builder' | 'randomStreams' | 'state'>,
  origin: Origin,
): Emit<Node> {
  return {
    make: (op, inputs, params) => builder.make(op, inputs, params, origin) as Node,
    cached: (x) => (state === null ? x : cachedRows(builder, state, x, origin)),
    positions: (x) => positionsOf(builder, state, x, origin),
    withPrevious: (x, count) => withPreviousRows(builder, state, x, count, origin),
    reshape: (x, shape) => (sameShape(x.shape, shape) ? x : builder.make('reshape', [x], { shape }, origin)),
    topK(x, count) {
      const k = constantValue(count)
      if (k === undefined) throw new Error(`top_k of ${count.key}, which is not a number`)
      return builder.make('top_k', [x], { k }, origin)
    },
    constant: (value, dtype) => constantNode(builder, value, dtype, origin),
    random: (shape) => drawUniform(builder, randomStreams, shape, origin),
    size: (size) => sizeNode(builder, size, 'f32', origin),
    settle: (size) => size,
    divide: divideExact,
    fail({ message }) {
      throw new Error(`${message} (in '${origin.instance}')`)
    },
  }
}

export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis])
