/** Resolves the declarations that clauses of a moe name. */
import type { CallExpression } from '../../../grammar/ast.ts'
import { complain, elaborate, type Frame } from '../context/context.ts'
import { declared, isBroken, type Declared } from '../modules/modules.ts'
import { article, unknownCallee } from '../context/names.ts'

/** The declaration that a clause names, if it is of the expected kind. */
export function wanted(frame: Frame, call: CallExpression, declares: 'expert' | 'policy'): Declared | null {
  const found = fitting(frame, call, declares)
  // the arguments are checked nevertheless
  if (found === null) for (const { value } of call.arguments) elaborate(frame, value)
  return found
}

function fitting(frame: Frame, { callee }: CallExpression, declares: 'expert' | 'policy'): Declared | null {
  const found = declared(frame.module, callee.text)
  if (found === undefined) {
    unknownCallee(frame, callee)
    return null
  }
  if (isBroken(found)) return null
  if (found.declaration.declares === declares) return found
  complain(frame, {
    code: 'SMOE2011',
    message: `${callee.text} is ${article(found.declaration.declares)}, but ${article(declares)} is expected`,
    span: callee.span,
    related: [{ span: found.declaration.name.span, message: 'declared here' }],
  })
  return null
}
