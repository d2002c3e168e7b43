/** Bodies of declarations. */
import { complain, type Frame } from './context.ts'
import { UNKNOWN, type Value } from './value.ts'

/** Checks a body; its result, if it returns one. */
export function body(frame: Frame): Value {
  const { declaration } = frame
  const result = frame.context.walk.statements(frame, declaration.body)
  const returns = declaration.declares === 'fn' || declaration.declares === 'block' || declaration.declares === 'expert'
  if (!returns || result !== null) return result ?? UNKNOWN
  if (declaration.isPartial) return UNKNOWN
  return complain(frame, {
    code: 'SMOE2013',
    message: `${declaration.name.text} has no return statement`,
    span: declaration.name.span,
    help: 'the last statement of a fn, block or expert must be `return`',
  })
}
