/**
 * The verifier of kernels: names, types, ranges of stores, uniform control flow around barriers, races, and the target's limits.
 */
import { evaluate, type DimValues } from '../../../plan/dim.ts'
import { PORTABLE, type Target } from '../../../plan/target.ts'
import { operandsOf } from '../../scalar/build.ts'
import type { Expression, ScalarType, Statement } from '../../scalar/expression.ts'
import { createIntervals, type Interval } from '../../scalar/interval.ts'
import { createPrinter, expressionsOf } from '../../scalar/print.ts'
import { typeFault } from '../../scalar/verify-types.ts'
import { allStatements, synchronizes, valuesOf } from '../../scalar/walk.ts'
import type { Binding, Computation, Kernel } from './kernel.ts'
import type { Matmul, Operand } from './matmul.ts'
import { addressesOf } from './print.ts'
import { findRaces } from './races.ts'
import { dimsOf, symbolsOfKernel } from './sizes.ts'
import { CONSTANT, controlOf, dependences, join, type Dependence, type DependenceOf } from './uniformity.ts'

export interface Fault {
  /** The name of the kernel. */
  readonly kernel: string
  /** The statement as text; of an operand or of the kernel as a whole, what it is. */
  readonly statement: string
  readonly message: string
}

export const faultText = ({ kernel, statement, message }: Fault): string => `${kernel}: ${statement}: ${message}`

export type KernelLimits = Pick<Target, 'name' | 'maxWorkgroupStorageBytes' | 'maxInvocationsPerWorkgroup'>

const BYTES = 4

interface Variable {
  readonly type: ScalarType
  readonly isMutable: boolean
  /** The value of a `let`. */
  readonly value: Expression | null
}

interface Array {
  readonly type: ScalarType
  readonly length: number
}

/** What is known at one set of sizes. */
interface Sample {
  readonly dims: DimValues
  readonly variables: ReadonlyMap<string, Interval>
  readonly limits: ReadonlyMap<Expression, number>
  readonly intervalOf: (e: Expression) => Interval | null
}

interface Scope {
  readonly variables: Map<string, Variable>
  readonly arrays: Map<string, Array>
  readonly checked: Set<Expression>
  readonly samples: readonly Sample[]
  readonly parent: Scope | null
}

const sample = (dims: DimValues, variables: ReadonlyMap<string, Interval>, limits: ReadonlyMap<Expression, number>): Sample => ({
  dims,
  variables,
  limits,
  intervalOf: createIntervals({ dims, variables, limits }),
})

function lookup<T>(scope: Scope | null, of: (scope: Scope) => ReadonlyMap<string, T>, name: string): T | undefined {
  return scope === null ? undefined : (of(scope).get(name) ?? lookup(scope.parent, of, name))
}
const variableOf = (scope: Scope, name: string): Variable | undefined => lookup(scope, ({ variables }) => variables, name)
const arrayOf = (scope: Scope, name: string): Array | undefined => lookup(scope, ({ arrays }) => arrays, name)
const isChecked = (scope: Scope | null, e: Expression): boolean =>
  scope !== null && (scope.checked.has(e) || isChecked(scope.parent, e))

const head = (s: Statement): string =>
  createPrinter(expressionsOf([s]))
    .statements([s])
    .find((line) => !line.startsWith('%'))!

/** Sizes to try: each symbol one, a prime of its own, and a power of two. */
function samplesOf(kernel: Kernel): readonly DimValues[] {
  const [dims, symbols] = [dimsOf(kernel), symbolsOfKernel(kernel)]
  const choices = symbols.length === 0 ? [() => 1] : [() => 1, (at: number) => [3, 5, 7, 11, 13, 17, 19, 23][at % 8], () => 64]
  return choices
    .map((choose) => Object.fromEntries(symbols.map((name, at) => [name, choose(at)])))
    .filter((values) => dims.every((dim) => evaluate(dim, values) >= 0))
}

/** The faults of a kernel; none for a kernel that every target may run whose limits are no lower. */
export function verifyKernel(kernel: Kernel, limits: KernelLimits = PORTABLE): readonly Fault[] {
  return new Verifier(kernel).run(limits)
}

/** Its identity is the list of faults found so far. */
class Verifier {
  private readonly faults: Fault[] = []
  private readonly kernel: Kernel
  private readonly bindings: ReadonlyMap<string, Binding>
  private readonly loaded = new Set<string>()
  private readonly stored = new Set<string>()
  private place = ''

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.bindings = new Map(kernel.buffers.map((binding) => [binding.name, binding]))
  }

  run(limits: KernelLimits): readonly Fault[] {
    const { computation, buffers } = this.kernel
    this.place = 'bindings'
    if (this.bindings.size < buffers.length) this.fault('two bindings have one name')
    if (computation.kind === 'matmul') this.matmul(computation.matmul)
    else this.workgroups(computation, limits)
    this.place = 'bindings'
    for (const { name, access } of buffers) {
      if (!this.loaded.has(name) && !this.stored.has(name)) this.fault(`@${name} is bound and not used`)
      else if (access === 'read_write' && !this.stored.has(name))
        this.fault(`@${name} is bound as read_write and never stored to`)
    }
    return this.faults
  }

  private fault(message: string): void {
    this.faults.push({ kernel: this.kernel.name, statement: this.place, message })
  }

  private at(s: Statement, message: string): void {
    this.place = head(s)
    this.fault(message)
  }

  // ---- computations

  private workgroups(computation: Extract<Computation, { readonly kind: 'workgroups' }>, limits: KernelLimits): void {
    const { workgroups, workgroupSize, shared, body } = computation
    this.place = 'workgroup'
    const reduced = new Set(allStatements(body).flatMap((s) => (s.kind === 'all-reduce' ? [s.type] : [])))
    const bytes = BYTES * (shared.reduce((sum, { length }) => sum + length, 0) + reduced.size * workgroupSize)
    if (bytes > limits.maxWorkgroupStorageBytes)
      this.fault(`it needs ${bytes} bytes of workgroup memory; ${limits.name} has ${limits.maxWorkgroupStorageBytes}`)
    if (workgroupSize > limits.maxInvocationsPerWorkgroup)
      this.fault(`it has ${workgroupSize} threads; ${limits.name} allows ${limits.maxInvocationsPerWorkgroup}`)
    const arrays = new Map<string, Array>()
    for (const { name, type, length } of shared) {
      if (arrays.has(name)) this.fault(`two shared arrays are named ${name}`)
      arrays.set(name, { type, length })
    }
    const reserved = { type: 'u32', isMutable: false, value: null } as const
    const scope: Scope = {
      variables: new Map([
        ['workgroup', reserved],
        ['thread', reserved],
      ]),
      arrays,
      checked: new Set(),
      samples: samplesOf(this.kernel).flatMap((dims) => {
        const count = evaluate(workgroups, dims)
        const variables = new Map([
          ['workgroup', { low: 0, high: count - 1 }],
          ['thread', { low: 0, high: workgroupSize - 1 }],
        ])
        return count > 0 ? [sample(dims, variables, new Map())] : []
      }),
      parent: null,
    }
    this.statements(body, scope)
    if (this.faults.length > 0) return
    this.flow(body, CONSTANT, dependences(body))
    findRaces(computation, (s, message) => this.at(s, message))
  }

  private matmul(matmul: Matmul): void {
    const variables = new Map<string, Variable>()
    for (const name of ['row', 'column', 'expert', 'k_index']) variables.set(name, { type: 'u32', isMutable: false, value: null })
    const samples = samplesOf(this.kernel).flatMap((dims) => {
      const [rows, columns, k] = [matmul.rows, matmul.columns, matmul.k].map((dim) => evaluate(dim, dims))
      const below = (count: number): Interval => ({ low: 0, high: count - 1 })
      const known = new Map([
        ['row', below(rows)],
        ['column', below(columns)],
        ['k_index', below(k)],
        ['expert', below(expertsOf(matmul, dims))],
      ])
      return rows > 0 && columns > 0 ? [sample(dims, known, new Map())] : []
    })
    const scope: Scope = { variables, arrays: new Map(), checked: new Set(), samples, parent: null }
    for (const [at, operand] of [matmul.left, ...matmul.rights].entries()) {
      this.place = at === 0 ? 'left operand' : `right operand ${at - 1}`
      this.operand(operand, scope)
    }
    this.place = 'experts'
    for (const { kind, ...sorted } of [matmul.rowGrouping, matmul.kRange])
      if (kind === 'sorted' && 'buffer' in sorted) this.use(sorted.buffer, 'i32')
    for (const address of addressesOf(matmul)) {
      if (address.type !== 'u32' && address.type !== 'i32') this.fault(`an address is ${address.type}`)
      this.expression(address, scope)
    }
    const epilogue = this.child(scope)
    matmul.rights.forEach((_, p) => epilogue.variables.set(`sum${p}`, { type: 'f32', isMutable: false, value: null }))
    this.statements(matmul.epilogue, epilogue)
    for (const s of allStatements(matmul.epilogue)) if (synchronizes(s)) this.at(s, 'the epilogue of a matmul cannot synchronize')
    this.injective(matmul)
  }

  /** No two elements of a matmul may be stored at one index. */
  private injective({ epilogue, rows, columns }: Matmul): void {
    const names = (e: Expression, found = new Set<string>()): ReadonlySet<string> => {
      if (e.kind === 'variable') found.add(e.name)
      if (e.kind === 'load') found.add('row').add('column')
      for (const operand of operandsOf(e)) names(operand, found)
      return found
    }
    for (const s of epilogue) {
      if (s.kind !== 'store') continue
      const used = names(s.index)
      for (const [name, count] of [
        ['row', rows],
        ['column', columns],
      ] as const)
        if (!used.has(name) && count.key !== '1') this.at(s, `elements of every ${name} are stored at one index`)
    }
  }

  private operand(operand: Operand, scope: Scope): void {
    this.use(operand.buffer, 'f32')
    const binding = this.bindings.get(operand.buffer)
    if (binding === undefined || operand.layout !== 'k-major') return
    for (const { dims, intervalOf } of scope.samples) {
      const base = intervalOf(operand.base)
      const elements = evaluate(binding.elements, dims)
      if (base !== null && base.high >= elements && elements > 0) {
        this.fault(`its base reaches ${base.high}; @${operand.buffer} has ${elements} elements`)
        return
      }
    }
  }

  private use(buffer: string, dtype: ScalarType): void {
    this.loaded.add(buffer)
    const binding = this.bindings.get(buffer)
    if (binding === undefined) this.fault(`@${buffer} is not bound`)
    else if (binding.dtype !== dtype) this.fault(`@${buffer} is ${binding.dtype}, not ${dtype}`)
  }

  // ---- scopes

  private child(parent: Scope, refine: (at: Sample) => Sample | null = (at) => at): Scope {
    const samples = parent.samples.flatMap((at) => refine(at) ?? [])
    return { variables: new Map(), arrays: new Map(), checked: new Set(), samples, parent }
  }

  private declare(name: string, variable: Variable, scope: Scope): void {
    if (variableOf(scope, name) !== undefined || arrayOf(scope, name) !== undefined) this.fault(`${name} is defined before`)
    scope.variables.set(name, variable)
    if (variable.isMutable || variable.value === null) return
    for (const { variables, intervalOf } of scope.samples) {
      const interval = intervalOf(variable.value)
      if (interval !== null) (variables as Map<string, Interval>).set(name, interval)
    }
  }

  /** Whether a value is the same everywhere in the scope. */
  private isStable(e: Expression, scope: Scope): boolean {
    if (e.kind === 'element' || (e.kind === 'load' && this.bindings.get(e.buffer)?.access === 'read_write')) return false
    if (e.kind === 'variable' && variableOf(scope, e.name)?.isMutable === true) return false
    return operandsOf(e).every((operand) => this.isStable(operand, scope))
  }

  /** The sample where a condition holds. */
  private where(condition: Expression, at: Sample, scope: Scope): Sample {
    const limits = new Map(at.limits)
    const limit = (e: Expression, bound: Interval | null, less: number): void => {
      if (bound !== null && this.isStable(e, scope)) limits.set(e, Math.min(limits.get(e) ?? Infinity, bound.high - less))
    }
    const visit = (e: Expression): void => {
      if (e.kind === 'variable') {
        const value = variableOf(scope, e.name)?.value
        if (value !== null && value !== undefined) visit(value)
      }
      if (e.kind !== 'binary') return
      if (e.opcode === 'and') [e.left, e.right].forEach(visit)
      if (e.opcode === 'less') limit(e.left, at.intervalOf(e.right), 1)
      if (e.opcode === 'less_equal') limit(e.left, at.intervalOf(e.right), 0)
      if (e.opcode === 'equal') limit(e.left, at.intervalOf(e.right), 0)
    }
    visit(condition)
    return sample(at.dims, new Map(at.variables), limits)
  }

  // ---- expressions

  private expression(e: Expression, scope: Scope): void {
    if (isChecked(scope, e)) return
    if (e.kind === 'reduce') {
      this.expression(e.extent, scope)
      const inner = this.child(scope)
      if (variableOf(scope, e.variable) !== undefined) this.fault(`${e.variable} is defined before`)
      inner.variables.set(e.variable, { type: 'u32', isMutable: false, value: null })
      this.expression(e.body, inner)
    } else operandsOf(e).forEach((operand) => this.expression(operand, scope))
    this.names(e, scope)
    const fault = typeFault(e)
    if (fault !== null) this.fault(fault)
    scope.checked.add(e)
  }

  private names(e: Expression, scope: Scope): void {
    if (e.kind === 'variable') {
      const known = variableOf(scope, e.name)
      if (known === undefined) this.fault(`${e.name} is not defined`)
      else if (known.type !== e.type) this.fault(`${e.name} is ${known.type}, not ${e.type}`)
    }
    if (e.kind === 'load') this.use(e.buffer, e.type)
    if (e.kind === 'element') this.array(e.array, e.type, scope)
  }

  private array(name: string, type: ScalarType, scope: Scope): Array | null {
    const known = arrayOf(scope, name)
    if (known === undefined) this.fault(`the array ${name} is not defined`)
    else if (known.type !== type) this.fault(`${name} is an array of ${known.type}, not ${type}`)
    return known ?? null
  }

  private inRange(name: string, index: Expression, lengthAt: (dims: DimValues) => number, scope: Scope): void {
    if (index.type !== 'u32') return this.fault(`the index of ${name} is ${index.type}, not u32`)
    for (const { dims, intervalOf } of scope.samples) {
      const [reached, length] = [intervalOf(index), lengthAt(dims)]
      if (reached === null || reached.high < length) continue
      const sizes = Object.entries(dims).map(([symbol, value]) => `${symbol} = ${value}`)
      return this.fault(
        `the index reaches ${reached.high}; ${name} has ${length} elements${sizes.length === 0 ? '' : ` where ${sizes.join(', ')}`}`,
      )
    }
  }

  // ---- statements

  private statements(statements: readonly Statement[], scope: Scope): void {
    for (const s of statements) {
      const before = this.faults.length
      this.place = ''
      for (const value of s.kind === 'loop' || s.kind === 'reduce' ? [] : valuesOf(s)) this.expression(value, scope)
      this.statement(s, scope)
      // the text of a statement is made only for those with a fault
      for (let at = before; at < this.faults.length; at++)
        if (this.faults[at].statement === '') this.faults[at] = { ...this.faults[at], statement: head(s) }
      this.place = ''
    }
  }

  private statement(s: Statement, scope: Scope): void {
    switch (s.kind) {
      case 'let':
        return this.declare(s.name, { type: s.value.type, isMutable: false, value: s.value }, scope)
      case 'var':
        return this.declare(s.name, { type: s.value.type, isMutable: true, value: null }, scope)
      case 'array':
        if (arrayOf(scope, s.name) !== undefined) this.fault(`${s.name} is defined before`)
        scope.arrays.set(s.name, { type: s.type, length: s.length })
        return
      case 'assign':
        return this.assigned(s.name, s.value.type, scope)
      case 'all-reduce':
        return this.assigned(s.name, s.type, scope)
      case 'assign-element': {
        const array = this.array(s.array, s.value.type, scope)
        if (array !== null) this.inRange(s.array, s.index, () => array.length, scope)
        return
      }
      case 'uniform-load': {
        const array = arrayOf(scope, s.array)
        if (array === undefined) return this.fault(`the array ${s.array} is not defined`)
        this.inRange(s.array, s.index, () => array.length, scope)
        return this.declare(s.name, { type: array.type, isMutable: false, value: null }, scope)
      }
      case 'store':
        return this.store(s, scope)
      case 'for':
        return this.loop(s, scope)
      case 'if':
        if (s.condition.type !== 'bool') this.fault(`the condition is ${s.condition.type}, not bool`)
        this.statements(
          s.body,
          this.child(scope, (at) => this.where(s.condition, at, scope)),
        )
        this.statements(
          s.otherwise,
          this.child(scope, (at) => sample(at.dims, new Map(at.variables), at.limits)),
        )
        return
      case 'loop': {
        const inner = this.child(scope, (at) => sample(at.dims, new Map(at.variables), at.limits))
        this.statements(s.body, inner)
        this.expression(s.while, inner)
        if (s.while.type !== 'bool') this.fault(`the condition is ${s.while.type}, not bool`)
        return
      }
      case 'reduce': {
        this.expression(s.extent, scope)
        const inner = this.child(scope, (at) => sample(at.dims, new Map(at.variables), at.limits))
        this.declare(s.variable, { type: 'u32', isMutable: false, value: null }, inner)
        this.statements(s.body, inner)
        this.expression(s.value, inner)
        if (s.value.type !== s.type) this.fault(`the reduction is ${s.type}, of ${s.value.type}`)
        return this.declare(s.name, { type: s.type, isMutable: true, value: null }, scope)
      }
      case 'barrier':
        return
      default:
        s satisfies never
    }
  }

  private assigned(name: string, type: ScalarType, scope: Scope): void {
    const variable = variableOf(scope, name)
    if (variable === undefined) this.fault(`${name} is not defined`)
    else if (!variable.isMutable) this.fault(`${name} is assigned once, where it is defined`)
    else if (variable.type !== type) this.fault(`${name} is ${variable.type}, not ${type}`)
  }

  private store({ buffer, index, value }: Extract<Statement, { readonly kind: 'store' }>, scope: Scope): void {
    this.stored.add(buffer)
    const binding = this.bindings.get(buffer)
    if (binding === undefined) return this.fault(`@${buffer} is not bound`)
    if (binding.access === 'read') return this.fault(`@${buffer} is bound as read and cannot be stored to`)
    if (binding.dtype !== value.type) this.fault(`@${buffer} is ${binding.dtype}, not ${value.type}`)
    this.inRange(`@${buffer}`, index, (dims) => evaluate(binding.elements, dims), scope)
  }

  private loop(s: Extract<Statement, { readonly kind: 'for' }>, scope: Scope): void {
    const types = new Set([s.from, s.below, s.step].map(({ type }) => type))
    if (types.size > 1 || s.from.type !== 'u32') this.fault(`a loop is over u32, not ${[...types].join(', ')}`)
    const isPositive = scope.samples.every(({ intervalOf }) => (intervalOf(s.step)?.low ?? 0) > 0)
    if (!isPositive) this.fault('the step of the loop is not positive')
    const inner = this.child(scope, (at) => {
      const [from, below] = [at.intervalOf(s.from), at.intervalOf(s.below)]
      if (from !== null && below !== null && below.high <= from.low) return null
      const known = new Map(at.variables)
      if (below !== null) known.set(s.variable, { low: from?.low ?? 0, high: below.high - 1 })
      return sample(at.dims, known, at.limits)
    })
    this.declare(s.variable, { type: 'u32', isMutable: false, value: null }, inner)
    this.statements(s.body, inner)
  }

  // ---- control flow

  private flow(statements: readonly Statement[], control: Dependence, of: DependenceOf): void {
    for (const s of statements) {
      if (control.thread && synchronizes(s)) this.at(s, 'it synchronizes the workgroup in control flow that is not uniform')
      const own = controlOf(s, of)
      if (s.kind === 'loop' && own.thread) this.at(s, 'its condition is not uniform')
      const inner = join([control, own])
      const blocks =
        s.kind === 'if' ? [s.body, s.otherwise] : s.kind === 'for' || s.kind === 'loop' || s.kind === 'reduce' ? [s.body] : []
      if (!(control.thread && synchronizes(s))) for (const block of blocks) this.flow(block, inner, of)
    }
  }
}

function expertsOf({ rowGrouping, kRange }: Matmul, dims: DimValues): number {
  if (rowGrouping.kind === 'batched') return evaluate(rowGrouping.batch, dims)
  if (rowGrouping.kind === 'dense') return kRange.kind === 'all' ? 1 : kRange.experts
  return rowGrouping.experts
}
