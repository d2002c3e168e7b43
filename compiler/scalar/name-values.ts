/**
 * Common subexpressions get names: a value that a block uses more than once is computed once, in a `let`, and reductions become
 * statements. After the pass an emitter prints expressions as they are.
 */
import { operandsOf } from './build.ts'
import type { Expression, Statement } from './expression.ts'
import { allStatements, valuesOf } from './walk.ts'

/**
 * Expressions nested in one another without a name: WGSL compilers refuse more than 128 brackets, of which one may take a few.
 */
const MAX_NESTING = 24

/** Makes the names `v0`, `v1` ... of values and `total0` ... of reductions, each number once. */
export interface NameSource {
  readonly next: (base: 'v' | 'total') => string
}

export function createNameSource(): NameSource {
  let count = 0
  return { next: (base) => `${base}${count++}` }
}

interface Block {
  readonly statements: Statement[]
  /** Expression -> the variable that holds its value here. */
  readonly names: Map<Expression, Expression>
  /** Names of values that may change: they hold for one statement. */
  readonly passing: Set<Expression>
  readonly parent: Block | null
  readonly uses: ReadonlyMap<Expression, number>
}

/** How often each expression is an operand in a block; bodies of loops and of reductions count for themselves. */
function countUses(roots: readonly Expression[], counts = new Map<Expression, number>()): ReadonlyMap<Expression, number> {
  const visit = (e: Expression): void => {
    const before = counts.get(e) ?? 0
    counts.set(e, before + 1)
    if (before > 0) return
    for (const operand of e.kind === 'reduce' ? [e.extent] : operandsOf(e)) visit(operand)
  }
  roots.forEach(visit)
  return counts
}

function countStatementUses(statements: readonly Statement[]): ReadonlyMap<Expression, number> {
  const counts = new Map<Expression, number>()
  for (const s of statements) if (s.kind !== 'loop') countUses(valuesOf(s), counts)
  return counts
}

interface Mutable {
  readonly variables: ReadonlySet<string>
  readonly buffers: ReadonlySet<string>
}

/** Variables that are assigned, and buffers that are stored to. */
function mutableOf(statements: readonly Statement[]): Mutable {
  const all = allStatements(statements)
  return {
    variables: new Set(all.flatMap((s) => (s.kind === 'var' || s.kind === 'reduce' ? [s.name] : []))),
    buffers: new Set(all.flatMap((s) => (s.kind === 'store' ? [s.buffer] : []))),
  }
}

/** The statements with shared values named; the result is not interned. */
export function nameValues(statements: readonly Statement[], source: NameSource): readonly Statement[] {
  const mutable = mutableOf(statements)

  /** Whether a value is the same wherever it is used. */
  const stable = new Map<Expression, boolean>()
  const isStable = (e: Expression): boolean => {
    if (e.kind === 'element') return false
    if (e.kind === 'variable') return !mutable.variables.has(e.name)
    if (e.kind === 'load' && mutable.buffers.has(e.buffer)) return false
    const known = stable.get(e)
    if (known !== undefined) return known
    const value = operandsOf(e).every(isStable)
    stable.set(e, value)
    return value
  }

  const open = (parent: Block | null, uses: ReadonlyMap<Expression, number>): Block => ({
    statements: [],
    names: new Map(),
    passing: new Set(),
    parent,
    uses,
  })
  const lookup = (block: Block | null, e: Expression): Expression | undefined =>
    block === null ? undefined : (block.names.get(e) ?? lookup(block.parent, e))
  const useCount = (block: Block | null, e: Expression): number =>
    block === null ? 0 : (block.uses.get(e) ?? 0) + useCount(block.parent, e)

  function bind(block: Block, e: Expression, name: string): Expression {
    const variable: Expression = { kind: 'variable', type: e.type, name }
    block.names.set(e, variable)
    nested.set(e, 0)
    if (!isStable(e)) block.passing.add(e)
    return variable
  }

  /** Expression -> how many are nested in one another in it, as it was last written. */
  const nested = new Map<Expression, number>()
  const nestingOf = (e: Expression): number =>
    1 + operandsOf(e).reduce((most, operand) => Math.max(most, nested.get(operand) ?? 0), 0)

  /** The expression as it is written in a block. */
  function value(e: Expression, block: Block): Expression {
    const known = lookup(block, e)
    if (known !== undefined) {
      nested.set(e, 0)
      return known
    }
    if (e.kind === 'reduce') return reduction(e, block)
    const written = withValues(e, block)
    if (e.kind === 'literal' || e.kind === 'variable') {
      nested.set(e, 0)
      return written
    }
    nested.set(e, nestingOf(e))
    if (nested.get(e)! < MAX_NESTING && !(isStable(e) && useCount(block, e) >= 2)) return written
    const name = source.next('v')
    block.statements.push({ kind: 'let', name, value: written })
    return bind(block, e, name)
  }

  function reduction(e: Expression & { readonly kind: 'reduce' }, block: Block): Expression {
    const { type, opcode, variable } = e
    const name = source.next('total')
    const extent = value(e.extent, block)
    const inside = open(block, countUses([e.body]))
    const body = value(e.body, inside)
    block.statements.push({ kind: 'reduce', name, type, opcode, variable, extent, body: inside.statements, value: body })
    return bind(block, e, name)
  }

  function withValues(e: Exclude<Expression, { kind: 'reduce' }>, block: Block): Expression {
    const of = (operand: Expression): Expression => value(operand, block)
    switch (e.kind) {
      case 'literal':
      case 'variable':
      case 'size':
        return e
      case 'load':
      case 'element':
        return { ...e, index: of(e.index) }
      case 'unary':
      case 'cast':
        return { ...e, operand: of(e.operand) }
      case 'binary':
        return { ...e, left: of(e.left), right: of(e.right) }
      case 'select': {
        const [then, otherwise] = [of(e.then), of(e.otherwise)]
        return { ...e, then, otherwise, condition: of(e.condition) }
      }
      case 'call':
        return { ...e, operands: e.operands.map(of) }
      default:
        return e satisfies never
    }
  }

  function write(s: Statement, block: Block): Statement {
    const of = (e: Expression): Expression => value(e, block)
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'assign':
        return { ...s, value: of(s.value) }
      case 'assign-element':
      case 'store':
        return { ...s, index: of(s.index), value: of(s.value) }
      case 'uniform-load':
        return { ...s, index: of(s.index) }
      case 'for': {
        const [from, below, step] = [of(s.from), of(s.below), of(s.step)]
        return { ...s, from, below, step, body: within(s.body, block).statements }
      }
      case 'if': {
        const condition = of(s.condition)
        const body = within(s.body, block).statements
        return { ...s, condition, body, otherwise: within(s.otherwise, block).statements }
      }
      case 'loop': {
        const inside = within(s.body, block)
        const condition = value(s.while, inside)
        return { ...s, body: inside.statements, while: condition }
      }
      case 'reduce': {
        const extent = of(s.extent)
        const inside = within(s.body, block)
        const result = value(s.value, inside)
        return { ...s, extent, body: inside.statements, value: result }
      }
      case 'array':
      case 'barrier':
      case 'all-reduce':
        return s
      default:
        return s satisfies never
    }
  }

  function forget(block: Block): void {
    for (const e of block.passing) block.names.delete(e)
    block.passing.clear()
  }

  function writeAll(some: readonly Statement[], block: Block): Block {
    for (const s of some) {
      block.statements.push(write(s, block))
      forget(block)
    }
    return block
  }

  /** A block inside of another one, whose names of values that may change end. */
  function within(some: readonly Statement[], block: Block): Block {
    forget(block)
    return writeAll(some, open(block, countStatementUses(some)))
  }

  return writeAll(statements, open(null, countStatementUses(statements))).statements
}
