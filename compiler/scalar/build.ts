/**
 * Constructors of scalar expressions, which intern (equal expressions are one object) and simplify integers. Floats are folded
 * only where all operands are literals, so that devices and the reference round alike.
 */
import { dim as toDim, constantValue, type DimLike } from '../../plan/dim.ts'
import type { BinaryOpcode, CallOpcode, Expression, ReduceOpcode, ScalarType, UnaryOpcode } from './expression.ts'
import { binaryFunction, resultType } from './operations.ts'

const interned = new Map<string, Expression>()
const ids = new WeakMap<Expression, number>()
let nextId = 0

/** A number that two expressions share if and only if they are equal. */
export const idOf = (expression: Expression): number => ids.get(expression)!

function intern<E extends Expression>(key: string, make: E): E {
  const known = interned.get(key)
  if (known !== undefined) return known as E
  Object.freeze(make)
  interned.set(key, make)
  ids.set(make, nextId++)
  return make
}

export const literal = (type: ScalarType, value: number): Expression =>
  intern(`literal ${type} ${Object.is(value, -0) ? '-0' : value}`, { kind: 'literal', type, value })

export const u32 = (value: number): Expression => literal('u32', value)
export const f32 = (value: number): Expression => literal('f32', value)

export const variable = (type: ScalarType, name: string): Expression =>
  intern(`variable ${type} ${name}`, { kind: 'variable', type, name })

/** A dimension as an index: a literal where it is constant. */
export function size(of: DimLike): Expression {
  const dim = toDim(of)
  const known = constantValue(dim)
  return known !== undefined ? u32(known) : intern(`size ${dim.key}`, { kind: 'size', type: 'u32', dim })
}

export const load = (type: ScalarType, buffer: string, index: Expression): Expression =>
  intern(`load ${type} ${buffer} ${idOf(index)}`, { kind: 'load', type, buffer, index })

export const element = (type: ScalarType, array: string, index: Expression): Expression =>
  intern(`element ${type} ${array} ${idOf(index)}`, { kind: 'element', type, array, index })

export function unary(opcode: UnaryOpcode, operand: Expression): Expression {
  return intern(`${opcode} ${idOf(operand)}`, { kind: 'unary', type: operand.type, opcode, operand })
}

const isInteger = (type: ScalarType): boolean => type === 'u32' || type === 'i32'
const valueOf = (e: Expression): number | undefined => (e.kind === 'literal' ? e.value : undefined)

const fits = (type: ScalarType, value: number): boolean =>
  type === 'u32' ? value >= 0 && value <= 0xffffffff : value >= -0x80000000 && value <= 0x7fffffff

const asBinary = (e: Expression, opcode: BinaryOpcode): (Expression & { kind: 'binary' }) | undefined =>
  e.kind === 'binary' && e.opcode === opcode ? e : undefined

/** a / c * c + a % c  ==>  a */
function recombineQuotient(left: Expression, right: Expression): Expression | undefined {
  const scaled = asBinary(left, 'multiply')
  const rest = asBinary(right, 'remainder')
  if (scaled === undefined || rest === undefined || scaled.right !== rest.right) return undefined
  const quotient = asBinary(scaled.left, 'divide')
  return quotient !== undefined && quotient.right === rest.right && quotient.left === rest.left ? rest.left : undefined
}

/** An unsigned product divided by one of its factors, exactly: `x * 32` by `32`. */
function exactQuotient(e: Expression, divisor: Expression): Expression | undefined {
  if (e === divisor) return u32(1)
  const n = valueOf(e)
  const d = valueOf(divisor)
  if (n !== undefined && d !== undefined && d !== 0 && n % d === 0) return literal(e.type, n / d)
  const times = asBinary(e, 'multiply')
  if (times === undefined) return undefined
  const left = exactQuotient(times.left, divisor)
  if (left !== undefined) return binary('multiply', left, times.right)
  const right = exactQuotient(times.right, divisor)
  return right === undefined ? undefined : binary('multiply', times.left, right)
}

/** An exclusive upper bound that the form of the expression implies. */
function upperBound(e: Expression): number | undefined {
  if (e.kind === 'literal') return e.value + 1
  const rest = asBinary(e, 'remainder')
  return rest === undefined ? undefined : valueOf(rest.right)
}

function integerLaw(opcode: BinaryOpcode, left: Expression, right: Expression): Expression | undefined {
  const [a, b] = [valueOf(left), valueOf(right)]
  if (a !== undefined && b !== undefined && resultType(opcode, left.type) === left.type) {
    const value = opcode === 'multiply' ? a * b : binaryFunction(opcode, left.type)?.(a, b)
    if (value !== undefined && fits(left.type, value)) return literal(left.type, value)
  }
  const unsigned = left.type === 'u32'
  switch (opcode) {
    case 'add':
      if (a === 0) return right
      if (b === 0) return left
      return unsigned ? recombineQuotient(left, right) : undefined
    case 'subtract':
      return b === 0 ? left : undefined
    case 'multiply':
      if (a === 0 || b === 0) return literal(left.type, 0)
      if (a === 1) return right
      return b === 1 ? left : undefined
    case 'divide': {
      if (b === 1) return left
      if (!unsigned) return undefined
      const exact = exactQuotient(left, right)
      if (exact !== undefined) return exact
      if (b !== undefined && (upperBound(left) ?? Infinity) <= b) return u32(0)
      // (x * c + y) / c  ==>  x   where y < c
      const sum = asBinary(left, 'add')
      const quotient = sum === undefined ? undefined : exactQuotient(sum.left, right)
      if (sum !== undefined && quotient !== undefined && b !== undefined && (upperBound(sum.right) ?? Infinity) <= b)
        return quotient
      // x / a / b  ==>  x / (a * b)
      const inner = asBinary(left, 'divide')
      const c = inner === undefined ? undefined : valueOf(inner.right)
      return b !== undefined && c !== undefined && b * c <= 0xffffffff ? binary('divide', inner!.left, u32(b * c)) : undefined
    }
    case 'remainder': {
      if (b === 1) return literal(left.type, 0)
      if (!unsigned) return undefined
      if (exactQuotient(left, right) !== undefined) return u32(0)
      if (b !== undefined && (upperBound(left) ?? Infinity) <= b) return left
      const sum = asBinary(left, 'add')
      return sum !== undefined && exactQuotient(sum.left, right) !== undefined ? binary('remainder', sum.right, right) : undefined
    }
    default:
      return undefined
  }
}

export function binary(opcode: BinaryOpcode, left: Expression, right: Expression): Expression {
  if (left.type !== right.type) throw new Error(`${opcode} of ${left.type} and ${right.type}`)
  const known = isInteger(left.type) ? integerLaw(opcode, left, right) : undefined
  if (known !== undefined) return known
  const type = resultType(opcode, left.type)
  return intern(`${opcode} ${idOf(left)} ${idOf(right)}`, { kind: 'binary', type, opcode, left, right })
}

export const add = (a: Expression, b: Expression): Expression => binary('add', a, b)
export const multiply = (a: Expression, b: Expression): Expression => binary('multiply', a, b)
export const divide = (a: Expression, b: Expression): Expression => binary('divide', a, b)
export const remainder = (a: Expression, b: Expression): Expression => binary('remainder', a, b)
export const less = (a: Expression, b: Expression): Expression => binary('less', a, b)

export function select(condition: Expression, then: Expression, otherwise: Expression): Expression {
  if (then === otherwise) return then
  if (condition.kind === 'literal') return condition.value !== 0 ? then : otherwise
  const key = `select ${idOf(condition)} ${idOf(then)} ${idOf(otherwise)}`
  return intern(key, { kind: 'select', type: then.type, condition, then, otherwise })
}

export function cast(type: ScalarType, operand: Expression): Expression {
  if (operand.type === type) return operand
  if (operand.kind === 'literal' && isInteger(type) && isInteger(operand.type) && fits(type, operand.value))
    return literal(type, operand.value)
  if (operand.kind === 'literal' && type === 'f32') return f32(Math.fround(operand.value))
  // u32 -> i32 -> u32 keeps every index
  if (operand.kind === 'cast' && operand.operand.type === type && isInteger(type) && isInteger(operand.type))
    return operand.operand
  return intern(`cast ${type} ${idOf(operand)}`, { kind: 'cast', type, operand })
}

/** u32 of u32 operands. */
export const call = (opcode: CallOpcode, operands: readonly Expression[]): Expression =>
  intern(`${opcode} ${operands.map(idOf).join(' ')}`, { kind: 'call', type: 'u32', opcode, operands })

export const reduce = (opcode: ReduceOpcode, variableName: string, extent: Expression, body: Expression): Expression =>
  intern(`reduce ${opcode} ${variableName} ${idOf(extent)} ${idOf(body)}`, {
    kind: 'reduce',
    type: body.type,
    opcode,
    variable: variableName,
    extent,
    body,
  })

/** The operands of an expression, in order. */
export function operandsOf(e: Expression): readonly Expression[] {
  switch (e.kind) {
    case 'literal':
    case 'variable':
    case 'size':
      return []
    case 'load':
    case 'element':
      return [e.index]
    case 'unary':
    case 'cast':
      return [e.operand]
    case 'binary':
      return [e.left, e.right]
    case 'select':
      return [e.condition, e.then, e.otherwise]
    case 'call':
      return e.operands
    case 'reduce':
      return [e.extent, e.body]
    default:
      return e satisfies never
  }
}

/** The same expression of other operands, in the order of `operandsOf`, interned and simplified. */
export function withOperands(e: Expression, operands: readonly Expression[]): Expression {
  switch (e.kind) {
    case 'literal':
      return literal(e.type, e.value)
    case 'variable':
      return variable(e.type, e.name)
    case 'size':
      return size(e.dim)
    case 'load':
      return load(e.type, e.buffer, operands[0])
    case 'element':
      return element(e.type, e.array, operands[0])
    case 'unary':
      return unary(e.opcode, operands[0])
    case 'binary':
      return binary(e.opcode, operands[0], operands[1])
    case 'select':
      return select(operands[0], operands[1], operands[2])
    case 'cast':
      return cast(e.type, operands[0])
    case 'call':
      return call(e.opcode, operands)
    case 'reduce':
      return reduce(e.opcode, e.variable, operands[0], operands[1])
    default:
      return e satisfies never
  }
}

/** The interned form of an expression that was built as a literal object. */
export const canonical = (e: Expression): Expression => (ids.has(e) ? e : withOperands(e, operandsOf(e).map(canonical)))
