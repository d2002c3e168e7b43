/**
 * Data races of a kernel of workgroups, where they can be decided: two threads at one element with no barrier between, one of
 * them writing.
 */
import { constantValue } from '../../../plan/dim.ts'
import { operandsOf } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { createIntervals } from '../../scalar/interval.ts'
import { substitute } from '../../scalar/substitute.ts'
import { blocksOf, synchronizes, valuesOf } from '../../scalar/walk.ts'
import type { Computation } from './kernel.ts'
import { controlOf, dependences, join, CONSTANT, type Dependence, type DependenceOf } from './uniformity.ts'

type Workgroups = Extract<Computation, { readonly kind: 'workgroups' }>
type Report = (statement: Statement, message: string) => void

/** A statement that writes an element, by all threads that reach it. */
interface Write {
  readonly target: string
  readonly index: Expression
}

const writeOf = (s: Statement): Write | null =>
  s.kind === 'store'
    ? { target: `@${s.buffer}`, index: s.index }
    : s.kind === 'assign-element'
      ? { target: s.array, index: s.index }
      : null

/** One element, at the same time by all threads of a workgroup, or of all workgroups. */
function sharedElement(
  write: Write,
  control: Dependence,
  of: DependenceOf,
  { workgroupSize, workgroups }: Workgroups,
): string | null {
  const all = join([of(write.index), control])
  if (all.memory) return null
  if (!all.thread && workgroupSize > 1) return `all ${workgroupSize} threads write one element of ${write.target}`
  const isPerWorkgroup = write.target.startsWith('@') && !all.workgroup && constantValue(workgroups) !== 1
  return isPerWorkgroup ? `all workgroups write the same elements of ${write.target}` : null
}

interface Access {
  readonly statement: Statement
  readonly array: string
  readonly isWrite: boolean
  /** Thread -> the element, for those that reach it. */
  readonly elements: ReadonlyMap<number, number>
}

/** Finds the elements of workgroup arrays that threads access by the thread's number alone. */
function accessesOf({ shared, workgroupSize }: Workgroups, report: Report) {
  const arrays = new Set(shared.map(({ name }) => name))
  const definitions: Record<string, Expression> = {}
  let open: Access[] = []

  const resolved = (e: Expression): Expression => substitute(e, definitions)
  const valueAt = (e: Expression, thread: number): number | null => {
    const interval = createIntervals({
      dims: {},
      variables: new Map([['thread', { low: thread, high: thread }]]),
      limits: new Map(),
    })(e)
    return interval !== null && interval.low === interval.high ? interval.low : null
  }
  const holds = (e: Expression, thread: number): boolean | null => {
    if (e.kind !== 'binary') return null
    if (e.opcode === 'and') {
      const [a, b] = [holds(e.left, thread), holds(e.right, thread)]
      return a === null || b === null ? null : a && b
    }
    const [a, b] = [valueAt(e.left, thread), valueAt(e.right, thread)]
    if (a === null || b === null) return null
    return e.opcode === 'less' ? a < b : e.opcode === 'less_equal' ? a <= b : e.opcode === 'equal' ? a === b : null
  }

  function elementsOf(index: Expression, conditions: readonly Expression[]): ReadonlyMap<number, number> | null {
    const elements = new Map<number, number>()
    for (let thread = 0; thread < workgroupSize; thread++) {
      const reached = conditions.map((condition) => holds(condition, thread))
      if (reached.includes(null)) return null
      if (reached.includes(false)) continue
      const at = valueAt(index, thread)
      if (at === null) return null
      elements.set(thread, at)
    }
    return elements
  }

  function meet(access: Access): void {
    for (const other of open) {
      if (other.array !== access.array || !(other.isWrite || access.isWrite)) continue
      const readers = new Map([...other.elements].map(([thread, element]) => [element, thread]))
      const clash = [...access.elements].find(([thread, element]) => readers.has(element) && readers.get(element) !== thread)
      if (clash === undefined) continue
      report(
        access.statement,
        `thread ${clash[0]} and thread ${readers.get(clash[1])!} access ${access.array}[${clash[1]}] with no barrier between`,
      )
      return
    }
  }

  function record(
    statement: Statement,
    array: string,
    index: Expression,
    isWrite: boolean,
    conditions: readonly Expression[],
  ): void {
    if (!arrays.has(array)) return
    const elements = isSafe(index) ? elementsOf(resolved(index), conditions.map(resolved)) : null
    if (elements === null) return
    const access = { statement, array, isWrite, elements }
    const threads = new Map<number, number>()
    for (const [thread, element] of elements) {
      if (isWrite && threads.has(element)) {
        report(statement, `thread ${threads.get(element)!} and thread ${thread} both write ${array}[${element}]`)
        return
      }
      threads.set(element, thread)
    }
    meet(access)
    open.push(access)
  }

  /** No reduction inside, which may bind a name. */
  const isSafe = (e: Expression): boolean => e.kind !== 'reduce' && operandsOf(e).every(isSafe)

  return {
    record,
    define: (name: string, value: Expression): void => {
      if (isSafe(value)) definitions[name] = resolved(value)
    },
    synchronize: (): void => {
      open = []
    },
  }
}

/** The elements of arrays that an expression reads; those under a reduction are left out. */
function readsOf(e: Expression, found = new Map<Expression, Extract<Expression, { kind: 'element' }>>()): typeof found {
  if (e.kind === 'reduce' || found.has(e)) return found
  if (e.kind === 'element') found.set(e, e)
  for (const operand of operandsOf(e)) readsOf(operand, found)
  return found
}

export function findRaces(computation: Workgroups, report: Report): void {
  const of = dependences(computation.body)
  const own = new Set<string>()
  const accesses = accessesOf(computation, report)
  const reported = new Set<Statement>()
  const visit = (statements: readonly Statement[], control: Dependence, conditions: readonly Expression[]): void => {
    for (const s of statements) {
      if (s.kind === 'array') own.add(s.name)
      if (s.kind === 'let') accesses.define(s.name, s.value)
      for (const value of valuesOf(s))
        for (const read of readsOf(value).values()) accesses.record(s, read.array, read.index, false, conditions)
      const write = writeOf(s)
      if (write !== null && !own.has(write.target)) {
        const fault = sharedElement(write, control, of, computation)
        if (fault !== null && !reported.has(s)) report(s, fault)
        if (fault !== null) reported.add(s)
        else if (s.kind === 'assign-element') accesses.record(s, s.array, s.index, true, conditions)
      }
      const inner = join([control, controlOf(s, of)])
      const guard = s.kind === 'if' ? [...conditions, s.condition] : conditions
      for (const [at, block] of blocksOf(s).entries()) {
        // the other branch holds where the condition does not, which is not followed
        if (s.kind === 'if' && at === 1 && !block.some(synchronizes)) continue
        visit(block, inner, guard)
      }
      if (s.kind === 'barrier' || s.kind === 'all-reduce' || s.kind === 'uniform-load') accesses.synchronize()
    }
  }
  visit(computation.body, CONSTANT, [])
}
