/** What statements do with two buffers, when one shall take the place of the other. */
import type { Expression, Statement } from '../scalar/expression.ts'
import { operandsOf } from '../scalar/build.ts'

/** Whether the one buffer is loaded at the index alone at which the other is stored, and never after that. */
export function isReadFirst(statements: readonly Statement[], read: string, written: string): boolean {
  const events = eventsOf(statements, read, written)
  if (events === null) return false
  const stores = events.filter(({ kind }) => kind === 'store')
  return stores.length === 1 && events.at(-1) === stores[0] && events.every(({ index }) => index === stores[0].index)
}

interface Event {
  readonly kind: 'load' | 'store'
  readonly index: Expression
}

/** In the order in which they happen; null where they may happen more than once, or the stored values are loaded again. */
function eventsOf(statements: readonly Statement[], read: string, written: string): readonly Event[] | null {
  const events: Event[] = []
  for (const statement of statements) {
    const found = eventsOfStatement(statement, read, written)
    if (found === null) return null
    events.push(...found)
  }
  return events
}

function eventsOfStatement(statement: Statement, read: string, written: string): readonly Event[] | null {
  switch (statement.kind) {
    case 'let':
    case 'var':
    case 'assign':
      return loadEvents([statement.value], read, written)
    case 'store': {
      const loads = loadEvents([statement.index, statement.value], read, written)
      return loads === null || statement.buffer !== written ? loads : [...loads, { kind: 'store', index: statement.index }]
    }
    case 'if': {
      const parts = [loadEvents([statement.condition], read, written), eventsOf(statement.body, read, written), eventsOf(statement.otherwise, read, written)]
      return parts.some((part) => part === null) ? null : parts.flatMap((part) => part!)
    }
    default:
      return null
  }
}

function loadEvents(values: readonly Expression[], read: string, written: string): readonly Event[] | null {
  if (values.some((value) => loadsOf(value, written).length > 0)) return null
  return values.flatMap((value) => loadsOf(value, read)).map((index) => ({ kind: 'load', index }))
}

/** Where an expression loads from a buffer. */
export function loadsOf(expression: Expression, buffer: string): readonly Expression[] {
  const seen = new Set<Expression>([expression])
  const found: Expression[] = []
  for (const each of seen) {
    if (each.kind === 'load' && each.buffer === buffer) found.push(each.index)
    for (const operand of operandsOf(each)) seen.add(operand)
  }
  return found
}
