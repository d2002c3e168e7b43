/** Reductions over a range of indices: of uniform values as a scalar, of others as a vector of the reductions of four threads. */
import { emptyReduction, reductionIdentity } from '../../scalar/reduction.ts'
import type { ReduceOpcode, ScalarType } from '../../scalar/expression.ts'
import type { FunctionBody } from '../function.ts'
import { forRange } from '../loops.ts'
import { emitVector, parameter, type Vector } from '../vector.ts'
import { valueType } from './gang.ts'
import { toMask } from './memory.ts'
import { BINARY, SCALAR_BINARY } from './operations.ts'

const FOLD: { readonly [W in ReduceOpcode]: 'add' | 'maximum' | 'minimum' } = { sum: 'add', max: 'maximum', min: 'minimum' }

/** Folds two locals and leaves the result. */
export function foldScalar(body: FunctionBody, opcode: ReduceOpcode, type: ScalarType, a: number, b: number): void {
  const instruction = SCALAR_BINARY[FOLD[opcode]]?.[type]
  if (instruction !== undefined) {
    body.get(a)
    body.get(b)
    return body.op(instruction)
  }
  for (const operand of opcode === 'max' ? [a, b] : [b, a]) body.get(operand)
  body.get(a)
  body.get(b)
  body.op(type === 'u32' ? 'i32.gt_u' : 'i32.gt_s')
  body.op('select')
}

/** A number as a constant of the type. */
export const constant = (body: FunctionBody, type: ScalarType, value: number): void =>
  type === 'f32' ? body.f32(value) : body.i32(value)

/** A scalar on the stack -> the vector of four of it; a bool is a mask there. */
export function splat(body: FunctionBody, type: ScalarType): void {
  if (type === 'f32') return body.op('f32x4.splat')
  if (type !== 'bool') return body.op('i32x4.splat')
  const flag = body.local('i32')
  body.set(flag)
  body.i32(0)
  body.get(flag)
  body.op('i32.sub')
  body.op('i32x4.splat')
}

export interface Reduction {
  readonly opcode: ReduceOpcode
  readonly type: ScalarType
  readonly isVarying: boolean
  /** Whether the number of indices is the same for all threads. */
  readonly isFixed: boolean
  /** Leaves that number, or a vector of four. */
  readonly extent: () => void
  /** Emits what is done at an index; calls `fold` once, where the value is on the stack: a vector where the reduction varies. */
  readonly each: (index: number, fold: () => void) => void
}

/** Leaves the reduction: a vector where it varies. */
export function emitReduction(body: FunctionBody, reduction: Reduction): void {
  if (reduction.isVarying) reduceLanes(body, reduction)
  else reduceScalar(body, reduction)
}

function reduceScalar(body: FunctionBody, { opcode, type, extent, each }: Reduction): void {
  const [total, value, below] = [body.local(valueType(type)), body.local(valueType(type)), body.local('i32')]
  const start = reductionIdentity(opcode, type)
  extent()
  body.set(below)
  constant(body, type, start)
  body.set(total)
  body.i32(0)
  forRange(body, below, 1, (index) =>
    each(index, () => {
      body.set(value)
      foldScalar(body, opcode, type, total, value)
      body.set(total)
    }),
  )
  const empty = emptyReduction(opcode, type)
  body.get(total)
  if (empty === start) return
  constant(body, type, empty)
  body.get(below)
  body.op('select')
}

function reduceLanes(body: FunctionBody, { opcode, type, isFixed, extent, each }: Reduction): void {
  const [total, value] = [body.local('v128'), body.local('v128')]
  const { compute } = BINARY[FOLD[opcode]](type) as { compute: (a: Vector, b: Vector) => Vector }
  const [below, extents] = [body.local('i32'), body.local('v128')]
  const start = reductionIdentity(opcode, type)
  extent()
  if (!isFixed) {
    body.tee(extents)
    largest(body)
  }
  body.set(below)
  constant(body, type, start)
  splat(body, type)
  body.set(total)
  body.i32(0)
  forRange(body, below, 1, (index) =>
    each(index, () => {
      body.set(value)
      emitVector(body, compute(parameter(total), parameter(value)))
      if (!isFixed) {
        body.get(total)
        body.get(index)
        body.op('i32x4.splat')
        body.get(extents)
        body.op('i32x4.lt_u')
        body.op('v128.bitselect')
      }
      body.set(total)
    }),
  )
  const empty = emptyReduction(opcode, type)
  body.get(total)
  if (empty === start) return
  constant(body, type, empty)
  splat(body, type)
  body.get(isFixed ? below : extents)
  if (isFixed) body.op('i32x4.splat')
  toMask(body)
  body.op('v128.bitselect')
}

/** The largest of four unsigned words. */
function largest(body: FunctionBody): void {
  const words = body.local('v128')
  for (const places of [
    [2, 3, 0, 1],
    [1, 0, 3, 2],
  ]) {
    body.tee(words)
    body.get(words)
    body.get(words)
    body.shuffle(places.flatMap((place) => [0, 1, 2, 3].map((byte) => 4 * place + byte)))
    body.op('i32x4.max_u')
  }
  body.lane('i32x4.extract_lane', 0)
}
