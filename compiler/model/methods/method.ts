/** Calls of optimisers, schedules and initialisers, checked against their tables. */
import type { Argument, CallExpression, Expression } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { complain, folds, verify, type Frame } from '../context/context.ts'
import type { MethodFact } from '../model.ts'
import { article, nearest } from '../context/names.ts'
import { evaluate, literal, type Static } from '../static/static.ts'
import { waitsForRun, wantStatic } from '../types/compile-time.ts'
import { INITIALISERS } from './methods.ts'
import { isAllowed, rangeText, signatureOf, type Method, type Setting } from './setting.ts'

/** The value of a setting, checked against its range if known; null after a mistake. Some may change from step to step. */
export function settingOf(frame: Frame, expression: Expression, row: Setting, name: string, mayChange = false): Static | null {
  const value = wantStatic(frame, expression, row.type, name)
  if (value === null || waitsForRun(frame, value, name, expression.span, mayChange)) return null
  const ok = verify(frame, (lookup) => {
    const known = evaluate(value, lookup, folds)
    return known === undefined || isAllowed(row, known)
      ? null
      : { code: 'SMOE4001', message: `${name} must be ${rangeText(row)}, not ${known}`, span: expression.span }
  })
  return ok ? value : null
}

/** Which setting each argument is; null after a mistake. */
function match(frame: Frame, callee: string, method: Method, args: readonly Argument[]): ReadonlyMap<string, Argument> | null {
  const names = Object.keys(method.settings)
  const given = new Map<string, Argument>()
  const before = frame.context.reporter.count
  args.forEach((argument, i) => {
    const name = argument.name?.text ?? names[i]
    if (name === undefined)
      complain(frame, { code: 'SMOE3005', message: `too many settings: ${signatureOf(callee, method)}`, span: argument.span })
    else if (!names.includes(name)) {
      const at = argument.name ?? { text: name, span: argument.span }
      complain(frame, {
        code: 'SMOE2008',
        message: `${callee} has no setting ${name}: ${signatureOf(callee, method)}`,
        span: at.span,
        ...nearest(at, () => names),
      })
    } else if (given.has(name)) complain(frame, { code: 'SMOE3005', message: `${name} is given twice`, span: argument.span })
    else given.set(name, argument)
  })
  return frame.context.reporter.count === before ? given : null
}

/** The settings that are given, and the defaults of the others; null after a mistake. */
export function settingsOf(
  frame: Frame,
  callee: string,
  method: Method,
  args: readonly Argument[],
  span: Span,
): Readonly<Record<string, Static>> | null {
  const given = match(frame, callee, method, args)
  if (given === null) return null
  const settings: Record<string, Static> = {}
  let ok = true
  for (const [name, row] of Object.entries(method.settings)) {
    const argument = given.get(name)
    if (argument === undefined && row.default === null)
      complain(frame, { code: 'SMOE3004', message: `${callee} needs ${name}: ${signatureOf(callee, method)}`, span })
    const value =
      argument !== undefined
        ? settingOf(frame, argument.value, row, name)
        : row.default === null
          ? null
          : literal(row.default, row.type)
    if (value === null) ok = false
    else settings[name] = value
  }
  return ok ? settings : null
}

/** A call of one of the methods of a table; null after a mistake. */
export function methodOf(
  frame: Frame,
  { callee, arguments: args, label, span }: CallExpression,
  table: Readonly<Record<string, Method>>,
  what: string,
): MethodFact | null {
  if (label !== null)
    complain(frame, { code: 'SMOE2009', message: `${article(what)} has no weights to name with \`as\``, span: label.span })
  if (!Object.hasOwn(table, callee.text)) {
    const names = Object.keys(table)
    complain(frame, {
      code: 'SMOE2015',
      message: `unknown ${what} ${callee.text}`,
      span: callee.span,
      ...nearest(callee, () => names, `the choices are ${names.join(', ')}`),
    })
    return null
  }
  const settings = settingsOf(frame, callee.text, table[callee.text], args, span)
  return settings === null ? null : { kind: callee.text, settings }
}

/** An initialiser for weights of this rank, or of any; null after a mistake. */
export function initialiserOf(frame: Frame, call: CallExpression, axes: number | null): MethodFact | null {
  const method = methodOf(frame, call, INITIALISERS, 'initialiser')
  if (method === null || method.kind !== ORTHOGONAL || axes === null || axes >= 2) return method
  complain(frame, { code: 'SMOE3001', message: `${ORTHOGONAL} needs weights of two axes or more`, span: call.span })
  return null
}

/** The one initialiser that does not fit every weight. */
export const ORTHOGONAL = 'orthogonal' satisfies keyof typeof INITIALISERS
