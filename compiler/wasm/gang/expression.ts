/**
 * Scalar expressions -> instructions that leave their value on the stack: for a gang of four as a vector, for uniform values as
 * a scalar.
 */
import type { Expression } from '../../scalar/expression.ts'
import { emitVector, parameter, type Vector } from '../vector.ts'
import { emitDim } from './dim.ts'
import { found, isUniform, shapeIn, valueType, type Gang } from './gang.ts'
import { arrayAddress, gather, loadOne, loadOwn, loadRow, type Elements } from './memory.ts'
import { BINARY, castVector, SCALAR_BINARY, SCALAR_UNARY, UNARY, type Implementation } from './operations.ts'
import { emitReduction, splat } from './reduction.ts'
import { GANG, UNIFORM } from './shape.ts'

/** The value of a uniform expression, or of an affine one in the first thread. */
export function emitScalar(gang: Gang, e: Expression): void {
  const { body } = gang
  switch (e.kind) {
    case 'literal':
      if (e.type === 'f32') body.f32(clamped(e.value))
      else body.i32(e.value)
      return
    case 'size':
      return emitDim(gang, e.dim)
    case 'variable':
      return body.get(found(gang.variables.get(e.name), e.name).local)
    case 'load':
    case 'element':
      emitScalar(gang, e.index)
      return loadOne(body, elementsOf(gang, e))
    case 'unary': {
      const instruction = SCALAR_UNARY[e.opcode]?.[e.operand.type]
      if (instruction === undefined) return first(gang, e)
      emitScalar(gang, e.operand)
      return body.op(instruction)
    }
    case 'binary': {
      const instruction = SCALAR_BINARY[e.opcode]?.[e.left.type]
      if (instruction !== undefined) {
        emitScalar(gang, e.left)
        emitScalar(gang, e.right)
        return body.op(instruction)
      }
      if (e.type === 'u32' && (e.opcode === 'divide' || e.opcode === 'remainder')) return divideUnsigned(gang, e)
      return first(gang, e)
    }
    case 'select':
      emitScalar(gang, e.condition)
      return body.when(
        () => emitScalar(gang, e.then),
        () => emitScalar(gang, e.otherwise),
        valueType(e.type),
      )
    case 'cast':
      return castScalar(gang, e)
    case 'call':
      return first(gang, e)
    case 'reduce':
      return reduceExpression(gang, e, false)
    default:
      e satisfies never
  }
}

/** What is beyond f32 becomes its largest. */
function clamped(value: number): number {
  const rounded = Math.fround(value)
  return Number.isFinite(value) && !Number.isFinite(rounded) ? Math.sign(value) * 3.4028234663852886e38 : rounded
}

/** Computed as a vector of equal values. */
function first(gang: Gang, e: Expression): void {
  const { body } = gang
  vectorOf(gang, e, (operand) => {
    emitScalar(gang, operand)
    splat(body, operand.type)
  })
  body.lane(e.type === 'f32' ? 'f32x4.extract_lane' : 'i32x4.extract_lane', 0)
  if (e.type !== 'bool') return
  body.i32(1)
  body.op('i32.and')
}

/** A quotient is a where b is 0, a remainder 0. */
function divideUnsigned(gang: Gang, e: Expression & { kind: 'binary' }): void {
  const { body } = gang
  const instruction = e.opcode === 'divide' ? 'i32.div_u' : 'i32.rem_u'
  const divisor = e.right.kind === 'literal' ? e.right.value : undefined
  if (divisor !== undefined && divisor > 0) {
    const bits = Math.log2(divisor)
    emitScalar(gang, e.left)
    if (!Number.isInteger(bits)) {
      body.i32(divisor)
      return body.op(instruction)
    }
    body.i32(e.opcode === 'divide' ? bits : divisor - 1)
    return body.op(e.opcode === 'divide' ? 'i32.shr_u' : 'i32.and')
  }
  const [a, b] = [body.local('i32'), body.local('i32')]
  emitScalar(gang, e.left)
  body.set(a)
  emitScalar(gang, e.right)
  body.tee(b)
  body.when(
    () => {
      body.get(a)
      body.get(b)
      body.op(instruction)
    },
    () => (e.opcode === 'divide' ? body.get(a) : body.i32(0)),
    'i32',
  )
}

function castScalar(gang: Gang, { type, operand }: Expression & { kind: 'cast' }): void {
  const { body } = gang
  const from = operand.type
  emitScalar(gang, operand)
  if (type === from) return
  if (type === 'bool') {
    if (from === 'f32') body.f32(0)
    else body.i32(0)
    return body.op(from === 'f32' ? 'f32.ne' : 'i32.ne')
  }
  if (type === 'f32') return body.op(from === 'u32' ? 'f32.convert_i32_u' : 'f32.convert_i32_s')
  if (from === 'f32') body.op(type === 'u32' ? 'i32.trunc_sat_f32_u' : 'i32.trunc_sat_f32_s')
}

/** The value in each of the four threads. */
export function emitLanes(gang: Gang, e: Expression): void {
  const { body } = gang
  const shape = shapeIn(gang, e)
  if (shape.kind !== 'varying') {
    emitScalar(gang, e)
    splat(body, e.type)
    if (shape.kind === 'uniform') return
    body.v128(Array.from({ length: GANG }, (_, lane) => lane * shape.stride))
    return body.op('i32x4.add')
  }
  vectorOf(gang, e, (operand) => emitLanes(gang, operand))
}

/** The last step of an expression on vectors; `operand` leaves the vector of each operand. */
function vectorOf(gang: Gang, e: Expression, operand: (e: Expression) => void): void {
  const { body } = gang
  switch (e.kind) {
    case 'variable':
      return body.get(found(gang.variables.get(e.name), e.name).local)
    case 'load':
    case 'element':
      return loadLanes(gang, e)
    case 'unary':
      return apply(gang, UNARY[e.opcode](e.operand.type), [e.operand], operand)
    case 'binary':
      return apply(gang, BINARY[e.opcode](e.left.type), [e.left, e.right], operand)
    case 'select':
      operand(e.then)
      operand(e.otherwise)
      operand(e.condition)
      return body.op('v128.bitselect')
    case 'cast':
      return apply(gang, { kind: 'vector', compute: (x: Vector) => castVector(e.type, e.operand.type, x) }, [e.operand], operand)
    case 'call':
      return apply(gang, { kind: 'function', name: e.opcode }, e.operands, operand)
    case 'reduce':
      return reduceExpression(gang, e, true)
    case 'literal':
    case 'size':
      throw new Error(`a ${e.kind} does not vary`)
    default:
      e satisfies never
  }
}

function apply(
  { body, functionOf }: Gang,
  implementation: Implementation<(x: Vector) => Vector> | Implementation<(a: Vector, b: Vector) => Vector>,
  operands: readonly Expression[],
  operand: (e: Expression) => void,
): void {
  operands.forEach(operand)
  if (implementation.kind === 'function') return body.call(functionOf(implementation.name))
  const locals = operands.map(() => body.local('v128'))
  for (const local of locals.toReversed()) body.set(local)
  const compute = implementation.compute as (...operands: readonly Vector[]) => Vector
  emitVector(body, compute(...locals.map(parameter)))
}

type Read = Expression & { kind: 'load' | 'element' }

function elementsOf(gang: Gang, e: Read): Elements {
  if (e.kind === 'load') {
    const { address, elements, storage } = found(gang.buffers.get(e.buffer), e.buffer)
    return { type: e.type, storage, address, offset: 0, length: () => gang.body.get(elements) }
  }
  const array = found(gang.arrays.get(e.array), e.array)
  return { type: e.type, ...arrayAddress(gang, array), length: () => gang.body.i32(array.length) }
}

/** Elements of the four threads: of an array of their own, in a row, or anywhere. */
function loadLanes(gang: Gang, e: Read): void {
  const { body } = gang
  const elements = elementsOf(gang, e)
  const isOwn = e.kind === 'element' && !gang.arrays.get(e.array)!.isShared
  const shape = shapeIn(gang, e.index)
  const isRow = !isOwn && shape.kind === 'affine' && shape.stride === 1
  if (isRow || (isOwn && shape.kind === 'uniform')) {
    emitScalar(gang, e.index)
    return isRow ? loadRow(body, elements) : loadOwn(body, elements)
  }
  emitLanes(gang, e.index)
  gather(body, elements, isOwn)
}

/** The index is a variable of the body alone. */
function reduceExpression(gang: Gang, e: Expression & { kind: 'reduce' }, isVarying: boolean): void {
  const emit = isVarying ? emitLanes : emitScalar
  const isFixed = isUniform(gang, e.extent)
  emitReduction(gang.body, {
    ...e,
    isVarying,
    isFixed,
    extent: () => (isFixed ? emitScalar(gang, e.extent) : emitLanes(gang, e.extent)),
    each: (local, fold) => {
      const variables = new Map(gang.variables).set(e.variable, { shape: UNIFORM, type: 'u32', local })
      emit({ ...gang, variables }, e.body)
      fold()
    },
  })
}
