/** Lexical scopes: names and their values, innermost first. */
import type { Span } from '../../../grammar/source.ts'
import type { Value } from './value.ts'

export interface Binding {
  readonly value: Value
  readonly span: Span
  readonly mutable: boolean
}

export interface Scope {
  readonly parent: Scope | null
  readonly bindings: Map<string, Binding>
}

export const createScope = (parent: Scope | null): Scope => ({ parent, bindings: new Map() })

export function find(scope: Scope | null, name: string): Binding | undefined {
  for (let at = scope; at !== null; at = at.parent) {
    const binding = at.bindings.get(name)
    if (binding !== undefined) return binding
  }
  return undefined
}

/** Assigns a var in the scope that declares it. */
export function assign(scope: Scope | null, name: string, value: Value): void {
  for (let at = scope; at !== null; at = at.parent) {
    const binding = at.bindings.get(name)
    if (binding === undefined) continue
    at.bindings.set(name, { ...binding, value })
    return
  }
}

/** All visible names. */
export function namesIn(scope: Scope | null): readonly string[] {
  const names: string[] = []
  for (let at = scope; at !== null; at = at.parent) for (const name of at.bindings.keys()) names.push(name)
  return names
}
