/** Substitution of variables in scalar expressions. */
import { withOperands, operandsOf } from './build.ts'
import type { Expression } from './expression.ts'

/**
 * The expression with other expressions, by name, in the place of free variables. No reduction inside may bind one of these
 * names.
 */
export function substitute(expression: Expression, values: Readonly<Record<string, Expression>>): Expression {
  const done = new Map<Expression, Expression>()
  const visit = (e: Expression): Expression => {
    const known = done.get(e)
    if (known !== undefined) return known
    if (e.kind === 'reduce' && Object.hasOwn(values, e.variable)) throw new Error(`a reduction binds ${e.variable}`)
    const made =
      e.kind === 'variable' && Object.hasOwn(values, e.name) ? values[e.name] : withOperands(e, operandsOf(e).map(visit))
    done.set(e, made)
    return made
  }
  return visit(expression)
}
