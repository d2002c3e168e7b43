/** Statements: each in its scope, by the rules of names, types and ranges. */
import { evaluate } from '../../../../plan/dim.ts'
import type { Statement } from '../../../scalar/expression.ts'
import { valuesOf } from '../../../scalar/walk.ts'
import type { Check } from './check.ts'
import { checkIndex, checkStep, insideLoop, whereHolds } from './ranges.ts'
import { declare, declareArray, given, innerScope, type Scope } from './scope.ts'
import { checkArray, checkAssignment, checkCondition, checkExpression } from './types.ts'

type Of<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>

/** The values of these are checked in the scope of their block. */
const hasInnerValues = ({ kind }: Statement): boolean => kind === 'loop' || kind === 'reduce'

export function checkStatements(statements: readonly Statement[], scope: Scope, check: Check): void {
  for (const s of statements) {
    check.report.at(s, () => {
      for (const value of hasInnerValues(s) ? [] : valuesOf(s)) checkExpression(value, scope, check)
      checkStatement(s, scope, check)
    })
  }
}

function checkStatement(s: Statement, scope: Scope, check: Check): void {
  const { report } = check
  switch (s.kind) {
    case 'let':
      return declare(s.name, { type: s.value.type, isMutable: false, value: s.value }, scope, report)
    case 'var':
      return declare(s.name, { type: s.value.type, isMutable: true, value: null }, scope, report)
    case 'array':
      return declareArray(s.name, { type: s.type, length: s.length }, scope, report)
    case 'assign':
      return checkAssignment(s.name, s.value.type, scope, report)
    case 'all-reduce':
      return checkAssignment(s.name, s.type, scope, report)
    case 'assign-element': {
      const array = checkArray(s.array, s.value.type, scope, report)
      return array === null ? undefined : checkIndex(s.array, s.index, () => array.length, scope, report)
    }
    case 'uniform-load':
      return checkUniformLoad(s, scope, check)
    case 'store':
      return checkStore(s, scope, check)
    case 'for':
      return checkFor(s, scope, check)
    case 'if':
      return checkIf(s, scope, check)
    case 'loop':
      return checkLoop(s, scope, check)
    case 'reduce':
      return checkReduce(s, scope, check)
    case 'barrier':
      return
    default:
      s satisfies never
  }
}

function checkUniformLoad(s: Of<'uniform-load'>, scope: Scope, { report }: Check): void {
  const array = checkArray(s.array, null, scope, report)
  if (array === null) return
  checkIndex(s.array, s.index, () => array.length, scope, report)
  declare(s.name, given(array.type), scope, report)
}

function checkStore({ buffer, index, value }: Of<'store'>, scope: Scope, { report, bindings }: Check): void {
  const binding = bindings.store(buffer, value.type)
  if (binding !== null) checkIndex(`@${buffer}`, index, (dims) => evaluate(binding.elements, dims), scope, report)
}

function checkFor(s: Of<'for'>, scope: Scope, check: Check): void {
  checkStep(s, scope, check.report)
  const inner = innerScope(scope, (at) => insideLoop(s, at))
  declare(s.variable, given('u32'), inner, check.report)
  checkStatements(s.body, inner, check)
}

function checkIf(s: Of<'if'>, scope: Scope, check: Check): void {
  checkCondition(s.condition, check.report)
  const holding = innerScope(scope, (at) => whereHolds(s.condition, at, scope, check.bindings))
  checkStatements(s.body, holding, check)
  checkStatements(s.otherwise, innerScope(scope), check)
}

function checkLoop(s: Of<'loop'>, scope: Scope, check: Check): void {
  const inner = innerScope(scope)
  checkStatements(s.body, inner, check)
  checkExpression(s.while, inner, check)
  checkCondition(s.while, check.report)
}

function checkReduce(s: Of<'reduce'>, scope: Scope, check: Check): void {
  checkExpression(s.extent, scope, check)
  const inner = innerScope(scope)
  declare(s.variable, given('u32'), inner, check.report)
  checkStatements(s.body, inner, check)
  checkExpression(s.value, inner, check)
  if (s.value.type !== s.type) check.report.fault(`the reduction is ${s.type}, of ${s.value.type}`)
  declare(s.name, { type: s.type, isMutable: true, value: null }, scope, check.report)
}
