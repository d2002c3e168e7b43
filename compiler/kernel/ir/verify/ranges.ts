/** Ranges: the indices of stores and arrays by intervals, for several sizes of the symbols. */
import { evaluate, type DimValues } from '../../../../plan/dim.ts'
import { operandsOf } from '../../../scalar/build.ts'
import type { Expression, Statement } from '../../../scalar/expression.ts'
import type { Interval } from '../../../scalar/interval.ts'
import type { Kernel } from '../kernel.ts'
import { dimsOf, symbolsOfKernel } from '../sizes.ts'
import type { Bindings } from './bindings.ts'
import type { Report } from './report.ts'
import { createSample, variableOf, type Sample, type Scope } from './scope.ts'

const PRIMES = [3, 5, 7, 11, 13, 17, 19, 23]

/** Sizes to try: each symbol one, a prime of its own, and a power of two. */
export function sizesOf(kernel: Kernel): readonly DimValues[] {
  const [dims, symbols] = [dimsOf(kernel), symbolsOfKernel(kernel)]
  const choices = symbols.length === 0 ? [() => 1] : [() => 1, (at: number) => PRIMES[at % PRIMES.length], () => 64]
  return choices
    .map((choose) => Object.fromEntries(symbols.map((name, at) => [name, choose(at)])))
    .filter((values) => dims.every((dim) => evaluate(dim, values) >= 0))
}

/** The numbers below a count. */
export const below = (count: number): Interval => ({ low: 0, high: count - 1 })

/** An index below the length, wherever its range is known. */
export function checkIndex(
  name: string,
  index: Expression,
  lengthAt: (dims: DimValues) => number,
  { samples }: Scope,
  report: Report,
): void {
  if (index.type !== 'u32') return report.fault(`the index of ${name} is ${index.type}, not u32`)
  for (const { dims, intervalOf } of samples) {
    const [reached, length] = [intervalOf(index), lengthAt(dims)]
    if (reached === null || reached.high < length) continue
    const sizes = Object.entries(dims).map(([symbol, value]) => `${symbol} = ${value}`)
    const where = sizes.length === 0 ? '' : ` where ${sizes.join(', ')}`
    return report.fault(`the index reaches ${reached.high}; ${name} has ${length} elements${where}`)
  }
}

/** Whether a value is the same everywhere in the scope. */
function isStable(e: Expression, scope: Scope, bindings: Bindings): boolean {
  if (e.kind === 'element' || (e.kind === 'load' && bindings.get(e.buffer)?.access === 'read_write')) return false
  if (e.kind === 'variable' && variableOf(scope, e.name)?.isMutable === true) return false
  return operandsOf(e).every((operand) => isStable(operand, scope, bindings))
}

/** The sample where a condition holds. */
export function whereHolds(condition: Expression, at: Sample, scope: Scope, bindings: Bindings): Sample {
  const limits = new Map(at.limits)
  const limit = (e: Expression, bound: Interval | null, less: number): void => {
    if (bound !== null && isStable(e, scope, bindings)) limits.set(e, Math.min(limits.get(e) ?? Infinity, bound.high - less))
  }
  const visit = (e: Expression): void => {
    if (e.kind === 'variable') {
      const value = variableOf(scope, e.name)?.value
      if (value !== null && value !== undefined) visit(value)
    }
    if (e.kind !== 'binary') return
    if (e.opcode === 'and') [e.left, e.right].forEach(visit)
    if (e.opcode === 'less') limit(e.left, at.intervalOf(e.right), 1)
    if (e.opcode === 'less_equal' || e.opcode === 'equal') limit(e.left, at.intervalOf(e.right), 0)
  }
  visit(condition)
  return createSample(at.dims, at.variables, limits)
}

type Loop = Extract<Statement, { readonly kind: 'for' }>

export function checkStep({ from, below: end, step }: Loop, { samples }: Scope, report: Report): void {
  const types = new Set([from, end, step].map(({ type }) => type))
  if (types.size > 1 || from.type !== 'u32') report.fault(`a loop is over u32, not ${[...types].join(', ')}`)
  const isPositive = samples.every(({ intervalOf }) => (intervalOf(step)?.low ?? 0) > 0)
  if (!isPositive) report.fault('the step of the loop is not positive')
}

/** The sample inside of a loop; null where the loop runs for nothing. */
export function insideLoop(loop: Loop, at: Sample): Sample | null {
  const [from, end] = [at.intervalOf(loop.from), at.intervalOf(loop.below)]
  if (from !== null && end !== null && end.high <= from.low) return null
  const known = new Map(at.variables)
  if (end !== null) known.set(loop.variable, { low: from?.low ?? 0, high: end.high - 1 })
  return createSample(at.dims, known, at.limits)
}
