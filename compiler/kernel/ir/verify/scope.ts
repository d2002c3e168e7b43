/** Scopes: names of variables and arrays, each defined once, and what is known of their values. */
import type { DimValues } from '../../../../plan/dim.ts'
import type { Expression, ScalarType } from '../../../scalar/expression.ts'
import { createIntervals, type Interval } from '../../../scalar/interval.ts'
import type { Report } from './report.ts'

export interface Variable {
  readonly type: ScalarType
  readonly isMutable: boolean
  /** The value of a `let`. */
  readonly value: Expression | null
}

/** A variable that is never assigned, of an unknown value. */
export const given = (type: ScalarType): Variable => ({ type, isMutable: false, value: null })

export interface LocalArray {
  readonly type: ScalarType
  readonly length: number
}

/** What is known at one set of sizes. */
export interface Sample {
  readonly dims: DimValues
  readonly variables: Map<string, Interval>
  /** Upper bounds of expressions, from the conditions around. */
  readonly limits: ReadonlyMap<Expression, number>
  readonly intervalOf: (e: Expression) => Interval | null
}

export interface Scope {
  readonly variables: Map<string, Variable>
  readonly arrays: Map<string, LocalArray>
  /** Expressions whose names and types are checked. */
  readonly checked: Set<Expression>
  readonly samples: readonly Sample[]
  readonly parent: Scope | null
}

export function createSample(
  dims: DimValues,
  known: ReadonlyMap<string, Interval>,
  limits: ReadonlyMap<Expression, number> = new Map(),
): Sample {
  const variables = new Map(known)
  return { dims, variables, limits, intervalOf: createIntervals({ dims, variables, limits }) }
}

const copy = (at: Sample): Sample => createSample(at.dims, at.variables, at.limits)

export const rootScope = (
  variables: Iterable<readonly [string, Variable]>,
  arrays: Map<string, LocalArray>,
  samples: readonly Sample[],
): Scope => ({ variables: new Map(variables), arrays, checked: new Set(), samples, parent: null })

/** A scope of its own for a block; `refine` gives null for a sample in which the block does not run. */
export const innerScope = (parent: Scope, refine: (at: Sample) => Sample | null = copy): Scope => ({
  variables: new Map(),
  arrays: new Map(),
  checked: new Set(),
  samples: parent.samples.flatMap((at) => refine(at) ?? []),
  parent,
})

function lookup<T>(scope: Scope | null, of: (scope: Scope) => ReadonlyMap<string, T>, name: string): T | undefined {
  return scope === null ? undefined : (of(scope).get(name) ?? lookup(scope.parent, of, name))
}

export const variableOf = (scope: Scope, name: string): Variable | undefined => lookup(scope, ({ variables }) => variables, name)

export const arrayOf = (scope: Scope, name: string): LocalArray | undefined => lookup(scope, ({ arrays }) => arrays, name)

export const isChecked = (scope: Scope | null, e: Expression): boolean =>
  scope !== null && (scope.checked.has(e) || isChecked(scope.parent, e))

const isDefined = (scope: Scope, name: string): boolean =>
  variableOf(scope, name) !== undefined || arrayOf(scope, name) !== undefined

export function declare(name: string, variable: Variable, scope: Scope, report: Report): void {
  if (isDefined(scope, name)) report.fault(`${name} is defined before`)
  scope.variables.set(name, variable)
  if (variable.isMutable || variable.value === null) return
  for (const { variables, intervalOf } of scope.samples) {
    const interval = intervalOf(variable.value)
    if (interval !== null) variables.set(name, interval)
  }
}

export function declareArray(name: string, array: LocalArray, scope: Scope, report: Report): void {
  if (isDefined(scope, name)) report.fault(`${name} is defined before`)
  scope.arrays.set(name, array)
}
