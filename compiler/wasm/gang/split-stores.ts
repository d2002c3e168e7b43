/**
 * A store whose value is a choice that all threads of a gang make alike becomes a branch: what is not chosen is not computed, and
 * indices that a choice inside of it kept in bounds are neighbours again. The parts of a concatenation are chosen so.
 */
import { operandsOf, withOperands } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { when } from '../../scalar/statements.ts'
import { loopShape } from './analysis.ts'
import { shapeOf, VARYING, type Shape } from './shape.ts'

type Store = Statement & { readonly kind: 'store' }
type ShapeOf = (e: Expression) => Shape

/** The statements with such stores as branches; `known` has the shapes of the variables that the body is given. */
export function splitStores(statements: readonly Statement[], known: ReadonlyMap<string, Shape>): readonly Statement[] {
  const scope = new Map(known)
  // what a loop assigns may vary, and an array differs among threads
  const of: ShapeOf = (e) =>
    shapeOf(
      e,
      (name) => scope.get(name) ?? VARYING,
      () => false,
    )
  return statements.flatMap((s): readonly Statement[] => {
    switch (s.kind) {
      case 'let':
        scope.set(s.name, of(s.value))
        return [s]
      case 'if':
        return [{ ...s, body: splitStores(s.body, scope), otherwise: splitStores(s.otherwise, scope) }]
      case 'for':
        return [{ ...s, body: splitStores(s.body, new Map(scope).set(s.variable, loopShape(s, of))) }]
      case 'store':
        return split(s, of)
      default:
        return [s]
    }
  })
}

function split(s: Store, of: ShapeOf): readonly Statement[] {
  const { value } = s
  if (value.kind !== 'select' || of(value.condition).kind !== 'uniform') return [s]
  const { condition } = value
  const branch = (chosen: Expression, isTrue: boolean): readonly Statement[] =>
    split({ ...s, value: assume(chosen, condition, isTrue) }, of)
  return [when(condition, branch(value.then, true), branch(value.otherwise, false))]
}

/** The expression where a condition is known. */
function assume(expression: Expression, condition: Expression, isTrue: boolean): Expression {
  const done = new Map<Expression, Expression>()
  const visit = (e: Expression): Expression => {
    const known = done.get(e)
    if (known !== undefined) return known
    const made =
      e.kind === 'select' && e.condition === condition
        ? visit(isTrue ? e.then : e.otherwise)
        : withOperands(e, operandsOf(e).map(visit))
    done.set(e, made)
    return made
  }
  return visit(expression)
}
