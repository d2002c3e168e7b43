/** What statements do with two buffers, when one shall take the place of the other. */
import type { Expression, Statement } from '../../scalar/expression.ts'
import { operandsOf } from '../../scalar/build.ts'

type Event = 'load' | 'store'

/** Whether the one buffer is never loaded again once the other is stored, which happens in one place. */
export function isReadFirst(statements: readonly Statement[], read: string, written: string): boolean {
  const events = eventsOf(statements, read, written)
  return events !== null && events.indexOf('store') === events.length - 1 && events.length > 0
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
      return loads === null || statement.buffer !== written ? loads : [...loads, 'store']
    }
    case 'if': {
      const parts = [
        loadEvents([statement.condition], read, written),
        eventsOf(statement.body, read, written),
        eventsOf(statement.otherwise, read, written),
      ]
      return parts.some((part) => part === null) ? null : parts.flatMap((part) => part!)
    }
    default:
      return null
  }
}

function loadEvents(values: readonly Expression[], read: string, written: string): readonly Event[] | null {
  if (values.some((value) => loads(value, written))) return null
  return values.some((value) => loads(value, read)) ? ['load'] : []
}

function loads(expression: Expression, buffer: string): boolean {
  const seen = new Set<Expression>([expression])
  for (const each of seen) {
    if (each.kind === 'load' && each.buffer === buffer) return true
    for (const operand of operandsOf(each)) seen.add(operand)
  }
  return false
}
