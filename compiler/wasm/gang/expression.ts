/**
 * Scalar expressions -> instructions that leave their value on the stack: for a gang of four as a vector, for uniform values as
 * a scalar.
 */
import { emptyReduction, reductionIdentity } from '../../scalar/reduction.ts'
import type { Atom, Dim } from '../../../plan/dim.ts'
import type { Expression, ReduceOpcode, ScalarType } from '../../scalar/expression.ts'
import type { FunctionBody, ValueType } from '../function.ts'
import type { FunctionName } from '../math/functions.ts'
import { emitVector, parameter, type Vector } from '../vector.ts'
import { BINARY, castVector, SCALAR_BINARY, SCALAR_UNARY, UNARY, type Implementation } from './operations.ts'
import { GANG, shapeOf, UNIFORM, type Shape } from './shape.ts'

/** Where a variable's value is: an affine one as its base alone. */
export interface Variable {
  readonly shape: Shape
  readonly type: ScalarType
  readonly local: number
}

export interface Buffer {
  /** Locals: the address, and how many elements there are. */
  readonly address: number
  readonly elements: number
  readonly type: ScalarType
}

/** An array in memory of the worker's own: one for the workgroup, or one an thread with the elements of four side by side. */
export interface LocalArray {
  readonly isShared: boolean
  readonly type: ScalarType
  readonly length: number
  /** Bytes from the start of the worker's memory. */
  readonly offset: number
}

export interface Gang {
  readonly body: FunctionBody
  readonly functionOf: (name: FunctionName) => number
  readonly buffers: ReadonlyMap<string, Buffer>
  readonly arrays: Map<string, LocalArray>
  readonly variables: Map<string, Variable>
  /** The local that holds a dim of the plan. */
  readonly dim: (name: string) => number
  /** The local with the address of the worker's own memory, where the arrays of a workgroup are. */
  readonly memory: number
  /** The local with the address of the gang's part of it, and what is added to it: where the arrays of its threads are. */
  readonly own: number
  readonly ownBase: number
}

export const valueType = (type: ScalarType): ValueType => (type === 'f32' ? 'f32' : 'i32')

export const shapeIn = (gang: Gang, e: Expression): Shape =>
  shapeOf(
    e,
    (name) => gang.variables.get(name)?.shape ?? UNIFORM,
    (array) => gang.arrays.get(array)?.isShared ?? false,
  )

const isUniform = (gang: Gang, e: Expression): boolean => shapeIn(gang, e).kind === 'uniform'

function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is not defined in the kernel`)
  return value
}

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
    case 'load': {
      const buffer = found(gang.buffers.get(e.buffer), e.buffer)
      emitScalar(gang, e.index)
      clampScalar(gang, () => body.get(buffer.elements))
      body.i32(2)
      body.op('i32.shl')
      body.get(buffer.address)
      body.op('i32.add')
      return loadScalar(body, e.type, 0)
    }
    case 'element': {
      const array = found(gang.arrays.get(e.array), e.array)
      emitScalar(gang, e.index)
      clampScalar(gang, () => body.i32(array.length))
      body.i32(2)
      body.op('i32.shl')
      body.get(gang.memory)
      body.op('i32.add')
      return loadScalar(body, e.type, array.offset)
    }
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

function loadScalar(body: FunctionBody, type: ScalarType, offset: number): void {
  body.load(type === 'f32' ? 'f32.load' : 'i32.load', offset)
  if (type !== 'bool') return
  body.i32(0)
  body.op('i32.ne')
}

/**
 * An index of no element becomes the first, as WebGPU's loads have it: branches of a `select` may compute one that nobody uses.
 */
function clampScalar({ body }: Gang, elements: () => void): void {
  const index = body.local('i32')
  body.tee(index)
  body.i32(0)
  body.get(index)
  elements()
  body.op('i32.lt_u')
  body.op('select')
}

/** Computed as a vector of equal values. */
function first(gang: Gang, e: Expression): void {
  vectorOf(gang, e, (operand) => {
    emitScalar(gang, operand)
    splat(gang, operand.type)
  })
  const { body } = gang
  body.lane(e.type === 'f32' ? 'f32x4.extract_lane' : 'i32x4.extract_lane', 0)
  if (e.type !== 'bool') return
  body.i32(1)
  body.op('i32.and')
}

export function splat({ body }: Gang, type: ScalarType): void {
  if (type === 'f32') return body.op('f32x4.splat')
  if (type !== 'bool') return body.op('i32x4.splat')
  const flag = body.local('i32')
  body.set(flag)
  body.i32(0)
  body.get(flag)
  body.op('i32.sub')
  body.op('i32x4.splat')
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
    splat(gang, e.type)
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
      return loadLanes(gang, e)
    case 'element':
      return elementLanes(gang, e)
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

const isContiguous = (shape: Shape): boolean => shape.kind === 'affine' && shape.stride === 1

function loadLanes(gang: Gang, e: Expression & { kind: 'load' }): void {
  const { body } = gang
  const buffer = found(gang.buffers.get(e.buffer), e.buffer)
  if (isContiguous(shapeIn(gang, e.index))) {
    emitScalar(gang, e.index)
    clampSigned(gang, () => body.get(buffer.elements))
    body.i32(2)
    body.op('i32.shl')
    body.get(buffer.address)
    body.op('i32.add')
    body.load('v128.load')
  } else {
    emitLanes(gang, e.index)
    clampLanes(gang, () => body.get(buffer.elements))
    gather(gang, () => body.get(buffer.address), 0)
  }
  if (e.type === 'bool') toMask(body)
}

function toMask(body: FunctionBody): void {
  body.v128([0, 0, 0, 0])
  body.op('i32x4.ne')
}

/**
 * Keeps a base of four elements within reach of the buffer: where an thread in use reads an element, none of them lies further
 * out than three elements on either side, which is memory, if not the buffer's.
 */
function clampSigned({ body }: Gang, elements: () => void): void {
  const index = body.local('i32')
  body.set(index)
  body.get(index)
  body.i32(0)
  body.get(index)
  body.i32(GANG - 1)
  body.op('i32.add')
  elements()
  body.i32(GANG - 1)
  body.op('i32.add')
  body.op('i32.lt_u')
  body.op('select')
}

function clampLanes({ body }: Gang, elements: () => void): void {
  const index = body.local('v128')
  body.tee(index)
  body.get(index)
  elements()
  body.op('i32x4.splat')
  body.op('i32x4.lt_u')
  body.op('v128.and')
}

/** Indices of elements on the stack -> the elements. */
function gather({ body }: Gang, address: () => void, offset: number): void {
  const [indices, result] = [body.local('v128'), body.local('v128')]
  body.i32(2)
  body.op('i32x4.shl')
  address()
  body.op('i32x4.splat')
  body.op('i32x4.add')
  body.set(indices)
  body.get(indices)
  body.lane('i32x4.extract_lane', 0)
  body.load('v128.load32_zero', offset)
  for (let lane = 1; lane < GANG; lane++) {
    body.set(result)
    body.get(indices)
    body.lane('i32x4.extract_lane', lane)
    body.get(result)
    body.memoryLane('v128.load32_lane', lane, offset)
  }
}

/** What is added to the address of an array's memory. */
export const placeOf = ({ ownBase }: Gang, { isShared, offset }: LocalArray): number => (isShared ? offset : ownBase + offset)

function elementLanes(gang: Gang, e: Expression & { kind: 'element' }): void {
  const { body } = gang
  const array = found(gang.arrays.get(e.array), e.array)
  const shape = shapeIn(gang, e.index)
  if (!array.isShared && shape.kind === 'uniform') {
    emitScalar(gang, e.index)
    clampScalar(gang, () => body.i32(array.length))
    body.i32(4)
    body.op('i32.shl')
    body.get(gang.own)
    body.op('i32.add')
    body.load('v128.load', gang.ownBase + array.offset)
    if (e.type === 'bool') toMask(body)
    return
  }
  emitLanes(gang, e.index)
  clampLanes(gang, () => body.i32(array.length))
  if (!array.isShared) interleave(body)
  gather(gang, () => body.get(array.isShared ? gang.memory : gang.own), placeOf(gang, array))
  if (e.type === 'bool') toMask(body)
}

/** An index of an thread's own array -> the place of its element among those of all four. */
export function interleave(body: FunctionBody): void {
  body.i32(2)
  body.op('i32x4.shl')
  body.v128([0, 1, 2, 3])
  body.op('i32x4.add')
}

const FOLD: { readonly [W in ReduceOpcode]: 'add' | 'maximum' | 'minimum' } = { sum: 'add', max: 'maximum', min: 'minimum' }

/** Folds two locals and leaves the result. */
export function foldScalar(gang: Gang, word: ReduceOpcode, type: ScalarType, a: number, b: number): void {
  const { body } = gang
  const instruction = SCALAR_BINARY[FOLD[word]]?.[type]
  if (instruction !== undefined) {
    body.get(a)
    body.get(b)
    return body.op(instruction)
  }
  for (const operand of word === 'max' ? [a, b] : [b, a]) body.get(operand)
  body.get(a)
  body.get(b)
  body.op(type === 'u32' ? 'i32.gt_u' : 'i32.gt_s')
  body.op('select')
}

/** A loop from 0 below a uniform count, whose local is given. */
function count(gang: Gang, below: number, each: (index: number) => void): void {
  const { body } = gang
  const index = body.local('i32')
  body.i32(0)
  body.set(index)
  body.block(() =>
    body.loop(() => {
      body.get(index)
      body.get(below)
      body.op('i32.ge_u')
      body.branchIf(1)
      each(index)
      body.get(index)
      body.i32(1)
      body.op('i32.add')
      body.set(index)
      body.branch(0)
    }),
  )
}

const constant = (body: FunctionBody, type: ScalarType, value: number): void =>
  type === 'f32' ? body.f32(value) : body.i32(value)

/** Runs with the variable known under its name. */
function withVariable(gang: Gang, name: string, variable: Variable, run: () => void): void {
  const before = gang.variables.get(name)
  gang.variables.set(name, variable)
  run()
  if (before === undefined) gang.variables.delete(name)
  else gang.variables.set(name, before)
}

export interface Reduction {
  readonly opcode: ReduceOpcode
  readonly type: ScalarType
  readonly extent: Expression
  readonly isVarying: boolean
}

/** Leaves the reduction of what `each` folds, index by index: a vector where it varies. */
export function reduceOver(
  gang: Gang,
  reduction: Reduction,
  each: (index: number, fold: (inside: Gang, value: Expression) => void) => void,
): void {
  if (reduction.isVarying) reduceLanes(gang, reduction, each)
  else reduceScalar(gang, reduction, each)
}

/** A reduction inside of an expression. */
const reduceExpression = (gang: Gang, e: Expression & { kind: 'reduce' }, isVarying: boolean): void =>
  reduceOver(gang, { ...e, isVarying }, (local, fold) =>
    withVariable(gang, e.variable, { shape: UNIFORM, type: 'u32', local }, () => fold(gang, e.body)),
  )

type Each = Parameters<typeof reduceOver>[2]

function reduceScalar(gang: Gang, { opcode, type, extent }: Reduction, each: Each): void {
  const { body } = gang
  const [total, value, below] = [body.local(valueType(type)), body.local(valueType(type)), body.local('i32')]
  const start = reductionIdentity(opcode, type)
  emitScalar(gang, extent)
  body.set(below)
  constant(body, type, start)
  body.set(total)
  count(gang, below, (index) =>
    each(index, (inside, e) => {
      emitScalar(inside, e)
      body.set(value)
      foldScalar(inside, opcode, type, total, value)
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

function reduceLanes(gang: Gang, { opcode, type, extent }: Reduction, each: Each): void {
  const { body } = gang
  const [total, value] = [body.local('v128'), body.local('v128')]
  const { compute } = BINARY[FOLD[opcode]](type) as { compute: (a: Vector, b: Vector) => Vector }
  const isFixed = isUniform(gang, extent)
  const [below, extents] = [body.local('i32'), body.local('v128')]
  const start = reductionIdentity(opcode, type)
  if (isFixed) emitScalar(gang, extent)
  else {
    emitLanes(gang, extent)
    body.tee(extents)
    largest(body)
  }
  body.set(below)
  constant(body, type, start)
  splat(gang, type)
  body.set(total)
  count(gang, below, (index) =>
    each(index, (inside, e) => {
      emitLanes(inside, e)
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
  splat(gang, type)
  if (isFixed) {
    body.get(below)
    body.op('i32x4.splat')
  } else body.get(extents)
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

/** A size from the dims of the run. */
export function emitDim(gang: Gang, dim: Dim): void {
  const { body } = gang
  const atom = (x: Atom): void => {
    if (x.kind === 'symbol') return body.get(gang.dim(x.name))
    const [a, b] = [body.local('i32'), body.local('i32')]
    emitDim(gang, x.kind === 'min' ? x.left : x.numerator)
    body.set(a)
    emitDim(gang, x.kind === 'min' ? x.right : x.divisor)
    body.set(b)
    body.get(a)
    if (x.kind === 'min') {
      body.get(b)
      body.get(a)
      body.get(b)
      body.op('i32.lt_u')
      return body.op('select')
    }
    if (x.kind === 'ceil') {
      body.get(b)
      body.i32(1)
      body.op('i32.sub')
      body.op('i32.add')
    }
    body.get(b)
    body.op('i32.div_u')
  }
  if (dim.terms.length === 0) return body.i32(0)
  dim.terms.forEach(({ coefficient, factors }, at) => {
    body.i32(coefficient)
    for (const factor of factors) {
      atom(factor)
      body.op('i32.mul')
    }
    if (at > 0) body.op('i32.add')
  })
}
