/**
 * Interval analysis of integer expressions, for given values of the symbols: the least and the greatest value that is possible.
 */
import { evaluate, symbolsOf, type DimValues } from '../../plan/dim.ts'
import { floorQuotient } from './arithmetic.ts'
import type { Expression } from './expression.ts'

export interface Interval {
  readonly low: number
  readonly high: number
}

const point = (value: number): Interval => ({ low: value, high: value })
const ANY = null

/** What is known where an expression is evaluated. */
export interface Facts {
  readonly dims: DimValues
  readonly variables: ReadonlyMap<string, Interval>
  /** Expressions that conditions bound from above. */
  readonly limits: ReadonlyMap<Expression, number>
}

/** An analysis with one set of facts; null where nothing is known. Unsigned differences are taken not to wrap. */
export function createIntervals(facts: Facts): (e: Expression) => Interval | null {
  const known = new Map<Expression, Interval | null>()
  const of = (e: Expression): Interval | null => {
    const found = known.get(e)
    if (found !== undefined) return found
    const limit = facts.limits.get(e)
    const value = compute(e)
    const bounded =
      limit === undefined
        ? value
        : { low: value?.low ?? 0, high: Math.min(value?.high ?? Infinity, Math.max(limit, value?.low ?? 0)) }
    known.set(e, bounded)
    return bounded
  }

  function compute(e: Expression): Interval | null {
    switch (e.kind) {
      case 'literal':
        return e.type === 'u32' || e.type === 'i32' ? point(e.value) : ANY
      case 'size':
        return symbolsOf(e.dim).every((name) => Object.hasOwn(facts.dims, name)) ? point(evaluate(e.dim, facts.dims)) : ANY
      case 'variable':
        return facts.variables.get(e.name) ?? ANY
      case 'cast':
        return e.type === 'u32' && e.operand.type === 'i32'
          ? nonNegative(of(e.operand))
          : e.operand.type === 'f32'
            ? ANY
            : of(e.operand)
      case 'select': {
        const [then, otherwise] = [of(e.then), of(e.otherwise)]
        return then === null || otherwise === null ? ANY : union(then, otherwise)
      }
      case 'binary':
        return e.type === 'u32' || e.type === 'i32' ? binaryOf(e, of(e.left), of(e.right)) : ANY
      default:
        return ANY
    }
  }
  return of
}

const nonNegative = (a: Interval | null): Interval | null => (a === null || a.low < 0 ? null : a)
const union = (a: Interval, b: Interval): Interval => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) })

function binaryOf(e: Expression & { readonly kind: 'binary' }, a: Interval | null, b: Interval | null): Interval | null {
  const isUnsigned = e.type === 'u32'
  if (e.opcode === 'minimum' && isUnsigned && (a === null || b === null)) return bounded(a, b)
  if (e.opcode === 'remainder' && isUnsigned && b !== null && b.low > 0) {
    if (a !== null && a.low === a.high && b.low === b.high) return point(a.low % b.low)
    return a !== null && a.high < b.low ? a : { low: 0, high: b.high - 1 }
  }
  if (a === null || b === null) return ANY
  switch (e.opcode) {
    case 'add':
      return { low: a.low + b.low, high: a.high + b.high }
    case 'subtract':
      return isUnsigned
        ? { low: Math.max(0, a.low - b.high), high: Math.max(0, a.high - b.low) }
        : { low: a.low - b.high, high: a.high - b.low }
    case 'multiply':
      return a.low >= 0 && b.low >= 0 ? { low: a.low * b.low, high: a.high * b.high } : ANY
    case 'divide':
      return a.low >= 0 && b.low > 0 ? { low: floorQuotient(a.low, b.high), high: floorQuotient(a.high, b.low) } : ANY
    case 'minimum':
      return { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high) }
    case 'maximum':
      return { low: Math.max(a.low, b.low), high: Math.max(a.high, b.high) }
    default:
      return ANY
  }
}

/** The minimum of an unsigned value of which one bound is known. */
const bounded = (a: Interval | null, b: Interval | null): Interval | null => {
  const known = a ?? b
  return known === null ? null : { low: 0, high: known.high }
}
