/** Types: of names where they are used, of operands, of conditions and of assignments. */
import { operandsOf } from '../../../scalar/build.ts'
import type { Expression, ScalarType } from '../../../scalar/expression.ts'
import { typeFault } from '../../../scalar/verify-types.ts'
import type { Check } from './check.ts'
import type { Report } from './report.ts'
import { arrayOf, declare, given, innerScope, isChecked, variableOf, type LocalArray, type Scope } from './scope.ts'

/** The names and types of an expression and of all that it is made of. */
export function checkExpression(e: Expression, scope: Scope, check: Check): void {
  if (isChecked(scope, e)) return
  if (e.kind === 'reduce') {
    checkExpression(e.extent, scope, check)
    const inner = innerScope(scope)
    declare(e.variable, given('u32'), inner, check.report)
    checkExpression(e.body, inner, check)
  } else for (const operand of operandsOf(e)) checkExpression(operand, scope, check)
  checkName(e, scope, check)
  const fault = typeFault(e)
  if (fault !== null) check.report.fault(fault)
  scope.checked.add(e)
}

function checkName(e: Expression, scope: Scope, { report, bindings }: Check): void {
  if (e.kind === 'variable') {
    const known = variableOf(scope, e.name)
    if (known === undefined) report.fault(`${e.name} is not defined`)
    else if (known.type !== e.type) report.fault(`${e.name} is ${known.type}, not ${e.type}`)
  }
  if (e.kind === 'load') bindings.load(e.buffer, e.type)
  if (e.kind === 'element') checkArray(e.array, e.type, scope, report)
}

/** The array; null where there is none of this name. */
export function checkArray(name: string, type: ScalarType | null, scope: Scope, report: Report): LocalArray | null {
  const known = arrayOf(scope, name)
  if (known === undefined) report.fault(`the array ${name} is not defined`)
  else if (type !== null && known.type !== type) report.fault(`${name} is an array of ${known.type}, not ${type}`)
  return known ?? null
}

export function checkAssignment(name: string, type: ScalarType, scope: Scope, report: Report): void {
  const variable = variableOf(scope, name)
  if (variable === undefined) report.fault(`${name} is not defined`)
  else if (!variable.isMutable) report.fault(`${name} is assigned once, where it is defined`)
  else if (variable.type !== type) report.fault(`${name} is ${variable.type}, not ${type}`)
}

export function checkCondition({ type }: Expression, report: Report): void {
  if (type !== 'bool') report.fault(`the condition is ${type}, not bool`)
}
