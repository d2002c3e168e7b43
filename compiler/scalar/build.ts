/**
 * Constructors that keep expressions small and interned: equal expressions are one object. Integer laws only; floats are folded
 * when all operands are literals and nowhere else, so that a device and the reference round alike.
 */
import { dim as toDim, constantValue, type DimLike } from '../../plan/dim.ts'
import { floorQuotient, wholeRemainder } from './arithmetic.ts'
import type { BinaryWord, CallWord, Expression, ReduceWord, ScalarType, UnaryWord } from './expression.ts'

const table = new Map<string, Expression>()
const identities = new WeakMap<Expression, number>()
let nextIdentity = 0

/** A number that two expressions share exactly when they are equal. */
export const identityOf = (expression: Expression): number => identities.get(expression)!

function intern<E extends Expression>(key: string, make: E): E {
  const known = table.get(key)
  if (known !== undefined) return known as E
  Object.freeze(make)
  table.set(key, make)
  identities.set(make, nextIdentity++)
  return make
}

export const literal = (type: ScalarType, value: number): Expression =>
  intern(`literal ${type} ${Object.is(value, -0) ? '-0' : value}`, { kind: 'literal', type, value })

export const u32 = (value: number): Expression => literal('u32', value)
export const f32 = (value: number): Expression => literal('f32', value)

export const variable = (type: ScalarType, name: string): Expression =>
  intern(`variable ${type} ${name}`, { kind: 'variable', type, name })

/** A size as an index expression: a literal where the number is known. */
export function size(of: DimLike): Expression {
  const dim = toDim(of)
  const known = constantValue(dim)
  return known !== undefined ? u32(known) : intern(`size ${dim.key}`, { kind: 'size', type: 'u32', dim })
}

export const load = (type: ScalarType, buffer: string, index: Expression): Expression =>
  intern(`load ${type} ${buffer} ${identityOf(index)}`, { kind: 'load', type, buffer, index })

export const element = (type: ScalarType, array: string, index: Expression): Expression =>
  intern(`element ${type} ${array} ${identityOf(index)}`, { kind: 'element', type, array, index })

export function unary(word: UnaryWord, operand: Expression): Expression {
  return intern(`${word} ${identityOf(operand)}`, { kind: 'unary', type: operand.type, word, operand })
}

const isInteger = (type: ScalarType): boolean => type === 'u32' || type === 'i32'
const valueOf = (e: Expression): number | undefined => (e.kind === 'literal' ? e.value : undefined)

const INTEGER_FOLDS: { readonly [W in BinaryWord]?: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: floorQuotient,
  remainder: wholeRemainder,
  minimum: Math.min,
  maximum: Math.max,
}

const fits = (type: ScalarType, value: number): boolean =>
  type === 'u32' ? value >= 0 && value <= 0xffffffff : value >= -0x80000000 && value <= 0x7fffffff

const asBinary = (e: Expression, word: BinaryWord): (Expression & { kind: 'binary' }) | undefined =>
  e.kind === 'binary' && e.word === word ? e : undefined

/** a / c * c + a % c  ==>  a */
function rejoin(left: Expression, right: Expression): Expression | undefined {
  const scaled = asBinary(left, 'multiply')
  const rest = asBinary(right, 'remainder')
  if (scaled === undefined || rest === undefined || scaled.right !== rest.right) return undefined
  const quotient = asBinary(scaled.left, 'divide')
  return quotient !== undefined && quotient.right === rest.right && quotient.left === rest.left ? rest.left : undefined
}

/** The factors of an unsigned product, for cancelling: `x * 32` by `32`. */
function dividedBy(e: Expression, divisor: Expression): Expression | undefined {
  if (e === divisor) return u32(1)
  const n = valueOf(e)
  const d = valueOf(divisor)
  if (n !== undefined && d !== undefined && d !== 0 && n % d === 0) return literal(e.type, n / d)
  const times = asBinary(e, 'multiply')
  if (times === undefined) return undefined
  const left = dividedBy(times.left, divisor)
  if (left !== undefined) return binary('multiply', left, times.right)
  const right = dividedBy(times.right, divisor)
  return right === undefined ? undefined : binary('multiply', times.left, right)
}

/** An upper bound (excluded) that is known from the form alone. */
function below(e: Expression): number | undefined {
  if (e.kind === 'literal') return e.value + 1
  const rest = asBinary(e, 'remainder')
  return rest === undefined ? undefined : valueOf(rest.right)
}

function integerLaw(word: BinaryWord, left: Expression, right: Expression): Expression | undefined {
  const [a, b] = [valueOf(left), valueOf(right)]
  const fold = INTEGER_FOLDS[word]
  if (a !== undefined && b !== undefined && fold !== undefined) {
    const value = fold(a, b)
    if (fits(left.type, value)) return literal(left.type, value)
  }
  const unsigned = left.type === 'u32'
  switch (word) {
    case 'add':
      if (a === 0) return right
      if (b === 0) return left
      return unsigned ? rejoin(left, right) : undefined
    case 'subtract':
      return b === 0 ? left : undefined
    case 'multiply':
      if (a === 0 || b === 0) return literal(left.type, 0)
      if (a === 1) return right
      return b === 1 ? left : undefined
    case 'divide': {
      if (b === 1) return left
      if (!unsigned) return undefined
      const exact = dividedBy(left, right)
      if (exact !== undefined) return exact
      if (b !== undefined && (below(left) ?? Infinity) <= b) return u32(0)
      // (x * c + y) / c  ==>  x   where y < c
      const sum = asBinary(left, 'add')
      const quotient = sum === undefined ? undefined : dividedBy(sum.left, right)
      if (sum !== undefined && quotient !== undefined && b !== undefined && (below(sum.right) ?? Infinity) <= b) return quotient
      // x / a / b  ==>  x / (a * b)
      const inner = asBinary(left, 'divide')
      const c = inner === undefined ? undefined : valueOf(inner.right)
      return b !== undefined && c !== undefined && b * c <= 0xffffffff ? binary('divide', inner!.left, u32(b * c)) : undefined
    }
    case 'remainder': {
      if (b === 1) return literal(left.type, 0)
      if (!unsigned) return undefined
      if (dividedBy(left, right) !== undefined) return u32(0)
      if (b !== undefined && (below(left) ?? Infinity) <= b) return left
      const sum = asBinary(left, 'add')
      return sum !== undefined && dividedBy(sum.left, right) !== undefined ? binary('remainder', sum.right, right) : undefined
    }
    default:
      return undefined
  }
}

const COMPARES: ReadonlySet<BinaryWord> = new Set(['less', 'less_equal', 'equal'])

export function binary(word: BinaryWord, left: Expression, right: Expression): Expression {
  if (left.type !== right.type) throw new Error(`${word} of ${left.type} and ${right.type}`)
  const known = isInteger(left.type) ? integerLaw(word, left, right) : undefined
  if (known !== undefined) return known
  const type = COMPARES.has(word) ? 'bool' : left.type
  return intern(`${word} ${identityOf(left)} ${identityOf(right)}`, { kind: 'binary', type, word, left, right })
}

export const add = (a: Expression, b: Expression): Expression => binary('add', a, b)
export const multiply = (a: Expression, b: Expression): Expression => binary('multiply', a, b)
export const divide = (a: Expression, b: Expression): Expression => binary('divide', a, b)
export const remainder = (a: Expression, b: Expression): Expression => binary('remainder', a, b)
export const less = (a: Expression, b: Expression): Expression => binary('less', a, b)

export function select(condition: Expression, then: Expression, otherwise: Expression): Expression {
  if (then === otherwise) return then
  if (condition.kind === 'literal') return condition.value !== 0 ? then : otherwise
  const key = `select ${identityOf(condition)} ${identityOf(then)} ${identityOf(otherwise)}`
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
  return intern(`cast ${type} ${identityOf(operand)}`, { kind: 'cast', type, operand })
}

/** u32 of u32 operands. */
export const call = (word: CallWord, operands: readonly Expression[]): Expression =>
  intern(`${word} ${operands.map(identityOf).join(' ')}`, { kind: 'call', type: 'u32', word, operands })

export const reduce = (word: ReduceWord, variableName: string, extent: Expression, body: Expression): Expression =>
  intern(`reduce ${word} ${variableName} ${identityOf(extent)} ${identityOf(body)}`, {
    kind: 'reduce',
    type: body.type,
    word,
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

/** The interned form of an expression written out by hand. */
export function canonical(e: Expression): Expression {
  if (identities.has(e)) return e
  switch (e.kind) {
    case 'literal':
      return literal(e.type, e.value)
    case 'variable':
      return variable(e.type, e.name)
    case 'size':
      return size(e.dim)
    case 'load':
      return load(e.type, e.buffer, canonical(e.index))
    case 'element':
      return element(e.type, e.array, canonical(e.index))
    case 'unary':
      return unary(e.word, canonical(e.operand))
    case 'binary':
      return binary(e.word, canonical(e.left), canonical(e.right))
    case 'select':
      return select(canonical(e.condition), canonical(e.then), canonical(e.otherwise))
    case 'cast':
      return cast(e.type, canonical(e.operand))
    case 'call':
      return call(e.word, e.operands.map(canonical))
    case 'reduce':
      return reduce(e.word, e.variable, canonical(e.extent), canonical(e.body))
    default:
      return e satisfies never
  }
}
