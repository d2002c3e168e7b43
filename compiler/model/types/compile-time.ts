/** Expressions that must be known at compile time. */
import type { Expression } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { constantValue, type Dim } from '../../../plan/dim.ts'
import { bounded, complain, elaborate, sizeOf, valueOf, verify, wordsOf, type Frame } from '../context/context.ts'
import { runDimOf } from './once.ts'
import { evaluateSize, int, momentIn, type Static, type StaticType } from '../static/static.ts'
import { typeText } from '../context/value.ts'

/** A number, boolean or string known at compile time; null after a mistake. */
export function wantStatic(frame: Frame, expression: Expression, type: StaticType, what: string): Static | null {
  const value = elaborate(frame, expression)
  if (value.kind === 'unknown') return null
  const fits = value.kind === 'static' && (value.static.type === type || (type === 'real' && value.static.type === 'int'))
  if (fits) return value.static
  const isTensor = value.kind === 'tensor'
  complain(frame, {
    code: isTensor ? 'SMOE3008' : 'SMOE3003',
    span: expression.span,
    message: isTensor
      ? `${what} must be known at compile time, but \`${wordsOf(expression.span)}\` is ${typeText(value)}`
      : `${what} must be ${type}, but \`${wordsOf(expression.span)}\` is ${typeText(value)}`,
  })
  return null
}

/** An int as a size; null after a mistake. */
export function wantSize(frame: Frame, expression: Expression, what: string): Dim | null {
  const value = wantStatic(frame, expression, 'int', what)
  return value === null ? null : sizeOf(frame, value)
}

/** Whether a value is only known at run time, which is reported unless allowed; values of a training step may be. */
export function waitsForRun(frame: Frame, value: Static, what: string, span: Span, mayChange = false): boolean {
  const atRun = runDimOf(frame.context, value) ?? (mayChange ? undefined : momentIn(value))
  if (atRun !== undefined)
    complain(frame, {
      code: 'SMOE3008',
      message: `${what} must be known at compile time, but ${atRun} is only known at run time`,
      span,
    })
  return atRun !== undefined
}

/** An int that no run can change; null after a mistake. */
export function wantFixed(frame: Frame, expression: Expression, what: string): Dim | null {
  const value = wantStatic(frame, expression, 'int', what)
  return value === null || waitsForRun(frame, value, what, expression.span) ? null : sizeOf(frame, value)
}

/** An int that is the extent of an axis, 1 or more; null after a mistake. */
export const wantExtent = (frame: Frame, expression: Expression): Dim | null =>
  wantFrom(frame, expression, wantSize(frame, expression, 'a size'), 1)

/** An int that no run can change, 0 or more; null after a mistake. */
export const wantRows = (frame: Frame, expression: Expression): Dim | null =>
  wantFrom(frame, expression, wantFixed(frame, expression, 'the number of rows'), 0)

function wantFrom(frame: Frame, expression: Expression, size: Dim | null, least: number): Dim | null {
  const ok =
    size !== null &&
    bounded(frame, expression.span, false, () =>
      verify(frame, (lookup) => {
        const value = evaluateSize(size, lookup)
        const isNumber = constantValue(size) !== undefined
        return value === undefined || (value >= least && value <= LARGEST)
          ? null
          : {
              code: 'SMOE4006',
              span: expression.span,
              message: `a size must be from ${least} to ${LARGEST}, not ${isNumber ? value : `${size.key} = ${value}`}`,
            }
      }),
    )
  return ok ? size : null
}

/** No axis is longer: its indices would not be i32. */
const LARGEST = 2 ** 31 - 1

/** An int that is a number already; null after a mistake or where it is not known yet. */
export function wantNumber(frame: Frame, expression: Expression, what: string): number | null {
  const size = wantFixed(frame, expression, what)
  if (size === null) return null
  const value = constantValue(size) ?? bounded(frame, expression.span, undefined, () => valueOf(frame, int(size)))
  if (typeof value === 'number') return value
  if (!frame.context.isAlone)
    complain(frame, {
      code: 'SMOE3008',
      message: `${what} must be the same in all iterations of a repeat, but ${size.key} changes`,
      span: expression.span,
    })
  return null
}
