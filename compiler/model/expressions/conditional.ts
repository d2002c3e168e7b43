/** `if c then a else b`: resolved as soon as c is known. */
import type { ConditionalExpression } from '../../../grammar/ast.ts'
import { asTerm } from './apply.ts'
import { complain, elaborate, folds, originOf, sizeOf, valueOf, type Frame } from '../context/context.ts'
import { equalSizes } from '../static/exact.ts'
import { changesByStep, int, operation, type Static, type StaticType } from '../static/static.ts'
import { ofStatic, ofTerm, termTypeText, typeText, UNKNOWN, type Value } from '../context/value.ts'
import { waitsForRun, wantStatic } from '../types/compile-time.ts'

export function conditional(frame: Frame, expression: ConditionalExpression): Value {
  const { span } = expression
  const condition = wantStatic(frame, expression.condition, 'bool', 'the condition of `if`')
  const decided = condition === null ? undefined : valueOf(frame, condition)
  if (condition !== null && waitsForRun(frame, condition, 'the condition of `if`', expression.condition.span, true))
    return UNKNOWN
  if (decided !== undefined) return elaborate(frame, decided === true ? expression.then : expression.otherwise)
  const inBranch = (side: 'then' | 'else'): Frame => ({ ...frame, branches: [...frame.branches, { of: expression, side }] })
  const [then, otherwise] = [elaborate(inBranch('then'), expression.then), elaborate(inBranch('else'), expression.otherwise)]
  if (condition === null || then.kind === 'unknown' || otherwise.kind === 'unknown') return UNKNOWN
  const misfit = (): Value =>
    complain(frame, {
      code: 'SMOE3001',
      message: `one branch is ${typeText(then)}, the other ${typeText(otherwise)}; both must have the same type`,
      span,
    })
  if (then.kind === 'static' && otherwise.kind === 'static') {
    const types = [then.static.type, otherwise.static.type]
    const type = types[0] === types[1] ? types[0] : types.every((one) => one === 'int' || one === 'real') ? 'real' : null
    if (type === null) return misfit()
    if (changesByStep(condition)) return numberByStep(frame, expression, type, [condition, then.static, otherwise.static])
    const made = operation(type, 'if', [condition, then.static, otherwise.static], folds)
    return ofStatic(type === 'int' ? int(sizeOf(frame, made)) : made)
  }
  if (changesByStep(condition)) return wantNumbers(frame, expression)
  const a = asTerm(frame, { value: then, span: expression.then.span }, otherwise.kind === 'tensor' ? otherwise.term.dtype : 'f32')
  const b = asTerm(frame, { value: otherwise, span: expression.otherwise.span }, then.kind === 'tensor' ? then.term.dtype : 'f32')
  if (a === null || b === null) return UNKNOWN
  const same =
    a.dtype === b.dtype &&
    a.shape.length === b.shape.length &&
    a.shape.every((size, axis) => equalSizes(size, b.shape[axis], frame.context.quotients))
  if (!same)
    return complain(frame, {
      code: 'SMOE3001',
      message: `one branch is ${termTypeText(a)}, the other ${termTypeText(b)}; both must have the same type`,
      span,
    })
  return ofTerm({
    kind: 'conditional',
    condition,
    then: a,
    otherwise: b,
    shape: a.shape,
    dtype: a.dtype,
    origin: originOf(frame, span),
  })
}

/** A choice between numbers in each step of training. */
function numberByStep(frame: Frame, expression: ConditionalExpression, type: StaticType, operands: readonly Static[]): Value {
  return type === 'int' || type === 'real' ? ofStatic(operation('real', 'if', operands, folds)) : wantNumbers(frame, expression)
}

const wantNumbers = (frame: Frame, { condition }: ConditionalExpression): Value =>
  complain(frame, {
    code: 'SMOE3008',
    message: 'a condition that changes from step to step must choose between numbers',
    span: condition.span,
    help: '`where(c, a, b)` chooses between tensors',
  })
