/** Expressions: what each stands for. */
import type { ConditionalExpression, Expression } from '../../grammar/ast.ts'
import { constantValue, symbolsOf, type Dim } from '../../plan/dim.ts'
import { apply, asTerm } from './apply.ts'
import { binary, unary } from './arithmetic.ts'
import { options } from './builtin/options.ts'
import { call } from './call.ts'
import { complain, folds, originOf, sizeOf, valueOf, wordsOf, type Frame } from './context.ts'
import { equalSizes } from './exact.ts'
import { moe } from './moe.ts'
import { resolve } from './names.ts'
import { slice } from './slices.ts'
import { bool, int, operation, real, word, type Static, type StaticType } from './static.ts'
import { ofStatic, ofTerm, termTypeText, typeText, UNKNOWN, type Value } from './value.ts'

export function elaborate(frame: Frame, expression: Expression): Value {
  switch (expression.kind) {
    case 'number': return ofStatic(expression.isInteger && Number.isSafeInteger(expression.value) ? int(expression.value) : real(expression.value))
    case 'string': return ofStatic(word(expression.value))
    case 'boolean': return ofStatic(bool(expression.value))
    case 'list': return { kind: 'list', items: expression.items.map((item) => elaborate(frame, item)) }
    case 'name': return resolve(frame, expression.name)
    case 'unary': return unary(frame, expression, { value: elaborate(frame, expression.operand), span: expression.operand.span })
    case 'binary': {
      const { left, right, operator } = expression
      const isSwapped = operator === '@' && right.kind === 'transpose'
      const inner = elaborate(frame, isSwapped ? right.operand : right)
      const swapped = isSwapped && inner.kind === 'tensor' && inner.term.shape.length >= 2
      const value = isSwapped && !swapped ? apply(frame, 'swap', [{ value: inner, span: right.operand.span }], options({}), right.span) : inner
      return binary(frame, expression, { value: elaborate(frame, left), span: left.span }, { value, span: right.span }, swapped)
    }
    case 'call': return call(frame, expression)
    case 'index': return slice(frame, expression, { value: elaborate(frame, expression.operand), span: expression.operand.span })
    case 'transpose':
      return apply(frame, 'swap', [{ value: elaborate(frame, expression.operand), span: expression.operand.span }], options({}), expression.span)
    case 'conditional': return conditional(frame, expression)
    case 'moe': return moe(frame, expression)
    default: return expression satisfies never
  }
}

/** A number, truth value or word known at compile time; null after a mistake. */
export function wantStatic(frame: Frame, expression: Expression, type: StaticType, what: string): Static | null {
  const value = elaborate(frame, expression)
  if (value.kind === 'unknown') return null
  const fits = value.kind === 'static' && (value.static.type === type || (type === 'real' && value.static.type === 'int'))
  if (fits) return value.static
  const isTensor = value.kind === 'tensor'
  complain(frame, {
    code: isTensor ? 'SMOE3008' : 'SMOE3003', span: expression.span,
    message: isTensor ? `${what} is known at compile time, but \`${wordsOf(expression.span)}\` is ${typeText(value)}` : `${what} is ${type}, but \`${wordsOf(expression.span)}\` is ${typeText(value)}`,
  })
  return null
}

/** An int as a size; null after a mistake. */
export function wantSize(frame: Frame, expression: Expression, what: string): Dim | null {
  const value = wantStatic(frame, expression, 'int', what)
  return value === null ? null : sizeOf(frame, value)
}

/** An int that is a number already; null after a mistake or where it is not known yet. */
export function wantNumber(frame: Frame, expression: Expression, what: string): number | null {
  const size = wantSize(frame, expression, what)
  if (size === null) return null
  const value = constantValue(size) ?? valueOf(frame, int(size))
  if (typeof value === 'number') return value
  const atRun = symbolsOf(size).find((name) => frame.context.runDims.has(name))
  if (atRun !== undefined) complain(frame, { code: 'SMOE3008', message: `${what} is known at compile time, but ${atRun} only at a run`, span: expression.span })
  return null
}

function conditional(frame: Frame, expression: ConditionalExpression): Value {
  const { span } = expression
  const condition = wantStatic(frame, expression.condition, 'bool', 'the condition of `if`')
  const decided = condition === null ? undefined : valueOf(frame, condition)
  if (decided !== undefined) return elaborate(frame, decided === true ? expression.then : expression.otherwise)
  const inBranch = (side: 'then' | 'else'): Frame => ({ ...frame, branches: [...frame.branches, { of: expression, side }] })
  const [then, otherwise] = [elaborate(inBranch('then'), expression.then), elaborate(inBranch('else'), expression.otherwise)]
  if (condition === null || then.kind === 'unknown' || otherwise.kind === 'unknown') return UNKNOWN
  const misfit = (): Value =>
    complain(frame, { code: 'SMOE3001', message: `one branch is ${typeText(then)}, the other ${typeText(otherwise)}: both have one type`, span })
  if (then.kind === 'static' && otherwise.kind === 'static') {
    const types = [then.static.type, otherwise.static.type]
    const type = types[0] === types[1] ? types[0] : types.every((one) => one === 'int' || one === 'real') ? 'real' : null
    if (type === null) return misfit()
    const made = operation(type, 'if', [condition, then.static, otherwise.static], folds)
    return ofStatic(type === 'int' ? int(sizeOf(frame, made)) : made)
  }
  const a = asTerm(frame, { value: then, span: expression.then.span }, otherwise.kind === 'tensor' ? otherwise.term.dtype : 'f32')
  const b = asTerm(frame, { value: otherwise, span: expression.otherwise.span }, then.kind === 'tensor' ? then.term.dtype : 'f32')
  if (a === null || b === null) return UNKNOWN
  const same = a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((size, axis) => equalSizes(size, b.shape[axis], frame.context.quotients))
  if (!same) return complain(frame, { code: 'SMOE3001', message: `one branch is ${termTypeText(a)}, the other ${termTypeText(b)}: both have one type`, span })
  return ofTerm({ kind: 'conditional', condition, then: a, otherwise: b, shape: a.shape, dtype: a.dtype, origin: originOf(frame, span) })
}
