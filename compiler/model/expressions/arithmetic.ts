/** Operators: evaluated on compile-time values; with a tensor among the operands, the builtin of the operator. */
import type { BinaryExpression, BinaryOperator, UnaryExpression } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { add, isConstant, minimum, subtract, symbolsOf, type Dim } from '../../../plan/dim.ts'
import { apply, COMPARED, type Operand } from './apply.ts'
import { options } from '../builtin/options.ts'
import type { BuiltinName } from '../builtin/table.ts'
import { complain, folds, sizeOf, verify, wordsOf, type Frame } from '../context/context.ts'
import { divideSizes, remember } from '../static/exact.ts'
import {
  changesByStep,
  combineSizes,
  evaluate,
  evaluateSize,
  int,
  negateSize,
  operation,
  type Static,
  type StaticType,
} from '../static/static.ts'
import { ofStatic, typeText, UNKNOWN, type Value } from '../context/value.ts'

const BUILTIN_OF: Readonly<Record<BinaryOperator, BuiltinName>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'remainder',
  '@': 'matmul',
  '<': 'less',
  '<=': 'less_equal',
  '>': 'greater',
  '>=': 'greater_equal',
  '==': 'equal',
  '!=': 'not_equal',
  and: 'and',
  or: 'or',
}

const isNumber = (type: StaticType): boolean => type === 'int' || type === 'real'

/** The type of a static operation; null where the operands do not fit it. */
function resultType(operator: BinaryOperator, a: StaticType, b: StaticType): StaticType | null {
  switch (operator) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return !isNumber(a) || !isNumber(b) ? null : a === 'int' && b === 'int' ? 'int' : 'real'
    case '<':
    case '<=':
    case '>':
    case '>=':
      return isNumber(a) && isNumber(b) ? 'bool' : null
    case '==':
    case '!=':
      return a === b || (isNumber(a) && isNumber(b)) ? 'bool' : null
    case 'and':
    case 'or':
      return a === 'bool' && b === 'bool' ? 'bool' : null
    case '@':
      return null
    default:
      return operator satisfies never
  }
}

export function binary(
  frame: Frame,
  { operator, span }: BinaryExpression,
  left: Operand,
  right: Operand,
  transposed: boolean,
): Value {
  const [a, b] = [left.value, right.value]
  if (a.kind === 'unknown' || b.kind === 'unknown') return UNKNOWN
  if (a.kind === 'static' && b.kind === 'static') return known(frame, operator, a.static, b.static, span)
  return apply(frame, BUILTIN_OF[operator], [left, right], options({ transposed }), span)
}

function known(frame: Frame, operator: BinaryOperator, a: Static, b: Static, span: Span): Value {
  const type = resultType(operator, a.type, b.type)
  if (type === null)
    return complain(frame, {
      code: 'SMOE3003',
      message: `\`${operator}\` cannot be applied to ${a.type} and ${b.type}`,
      span,
      help: operator === 'and' || operator === 'or' ? COMPARED : null,
    })
  if (type !== 'int') return dividesReal(frame, operator, b, span) ? ofStatic(operation(type, operator, [a, b], folds)) : UNKNOWN
  const [x, y] = [sizeOf(frame, a), sizeOf(frame, b)]
  const sign = operator as '+' | '-' | '*' | '/' | '%'
  if ((sign === '/' || sign === '%') && !divides(frame, x, y, sign, span)) return UNKNOWN
  const exact = sign === '/' ? divideSizes(x, y, frame.context.quotients) : undefined
  const size = exact ?? combineSizes(sign, x, y)
  if (sign === '/' && exact === undefined && !isConstant(size))
    remember({ numerator: x, divisor: y, quotient: size }, frame.context.quotients)
  return ofStatic(int(size))
}

const valueText = (size: Dim, value: number): string => (isConstant(size) ? size.key : `${size.key} = ${value}`)

/** A real divisor must not be 0. */
const dividesReal = (frame: Frame, operator: BinaryOperator, divisor: Static, span: Span): boolean =>
  (operator !== '/' && operator !== '%') ||
  verify(frame, (lookup) =>
    evaluate(divisor, lookup, folds) === 0 ? { code: 'SMOE4003', message: `${wordsOf(span)} divides by 0`, span } : null,
  )

/** An int divisor must not be 0, and `/` must be exact. */
function divides(frame: Frame, x: Dim, y: Dim, sign: '/' | '%', span: Span): boolean {
  if (sign === '/' && divideSizes(x, y, frame.context.quotients) !== undefined) return true
  const atRun = [...symbolsOf(x), ...symbolsOf(y)].find((name) => frame.context.runDims.has(name))
  if (atRun !== undefined && sign === '/') {
    complain(frame, {
      code: 'SMOE3008',
      span,
      message: `${x.key} / ${y.key} must have no remainder, but ${atRun} is only known at run time`,
    })
    return false
  }
  return verify(frame, (lookup) => {
    const [n, d] = [evaluateSize(x, lookup), evaluateSize(y, lookup)]
    if (d === 0) return { code: 'SMOE4003', message: `${wordsOf(span)} divides by 0`, span }
    if (n === undefined || d === undefined || sign === '%' || n % d === 0) return null
    const help = 'division of ints must be exact; for a real quotient make one operand real, as in 1.0 * D / H'
    return { code: 'SMOE4003', message: `${valueText(x, n)} is not divisible by ${valueText(y, d)}`, span, help }
  })
}

export function unary(frame: Frame, { operator, span }: UnaryExpression, operand: Operand): Value {
  const { value } = operand
  if (value.kind === 'unknown') return UNKNOWN
  if (value.kind !== 'static') return apply(frame, operator === '-' ? 'negate' : 'not', [operand], options({}), span)
  const { type } = value.static
  if (operator === 'not' ? type !== 'bool' : !isNumber(type)) {
    return complain(frame, {
      code: 'SMOE3003',
      message: `\`${operator}\` cannot be applied to ${typeText(value)}`,
      span,
      help: operator === 'not' ? COMPARED : null,
    })
  }
  if (operator === 'not') return ofStatic(operation('bool', 'not', [value.static], folds))
  if (type === 'int') return ofStatic(int(negateSize(sizeOf(frame, value.static))))
  return ofStatic(operation('real', 'negate', [value.static], folds))
}

/** Functions whose result is int if their operands are. */
const OF_INTS: readonly string[] = ['minimum', 'maximum', 'abs']

/** A builtin function of numbers alone. */
export function foldCall(frame: Frame, builtin: BuiltinName, operands: readonly Static[]): Value {
  const allInts = operands.every((operand) => operand.type === 'int')
  // an int is a size, and no size changes from step to step
  const isFloor = builtin === 'floor' && !operands.some(changesByStep)
  const type = (allInts && OF_INTS.includes(builtin)) || isFloor ? 'int' : 'real'
  if (type === 'int' && operands.length === 2) {
    const [a, b] = operands.map((operand) => sizeOf(frame, operand))
    const smaller = minimum(a, b)
    return ofStatic(int(builtin === 'minimum' ? smaller : subtract(add(a, b), smaller)))
  }
  const made = operation(type, builtin, operands, folds)
  return ofStatic(made.type === 'int' ? int(sizeOf(frame, made)) : made)
}
