/** An interpreter of the scalar IR in f64: the meaning of a kernel, independent of targets. */
import { evaluate as sizeOf, type DimValues } from '../../plan/dim.ts'
import { philox } from '../../plan/philox.ts'
import { synchronizes } from './walk.ts'
import { emptyReduction, reductionIdentity } from './reduction.ts'
import type { CallOpcode, Expression, ReduceOpcode, ScalarType, Statement } from './expression.ts'
import { binaryFunction, unaryFunction, wrap } from './operations.ts'

type Values = Float64Array | number[]
type Reduction = Extract<Expression, { readonly kind: 'reduce' }>

/** The memory of a workgroup: buffers by their names in the kernel, and workgroup arrays. */
export interface Machine {
  readonly dims: DimValues
  readonly buffers: ReadonlyMap<string, Values>
  readonly shared: Map<string, Values>
}

/** The variables and arrays of one thread. */
export interface Thread {
  readonly variables: Map<string, number>
  readonly arrays: Map<string, Values>
}

export const createThread = (variables: Readonly<Record<string, number>>): Thread => ({
  variables: new Map(Object.entries(variables)),
  arrays: new Map(),
})

const CALL: { readonly [W in CallOpcode]: (...operands: readonly number[]) => number } = {
  random_bits: (key0, key1, counter0, counter1, place) => philox([key0, key1], [counter0, counter1, 0, 0])[place],
}

const REDUCE: { readonly [W in ReduceOpcode]: (a: number, b: number) => number } = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
}

/** A float converted to an integer: truncated, clamped to the range of the type; NaN is 0. */
function saturate(type: 'i32' | 'u32', value: number): number {
  const [low, high] = type === 'u32' ? [0, 0xffffffff] : [-0x80000000, 0x7fffffff]
  return Number.isNaN(value) ? 0 : Math.min(high, Math.max(low, Math.trunc(value)))
}

export function createInterpreter(): {
  readonly run: (statements: readonly Statement[], machine: Machine, own: Thread) => void
  /** Runs all threads of a workgroup; between two synchronizing statements, one thread after the other. */
  readonly runWorkgroup: (statements: readonly Statement[], machine: Machine, threads: readonly Thread[]) => void
  readonly value: (e: Expression, machine: Machine, own: Thread) => number
} {
  function value(e: Expression, machine: Machine, own: Thread): number {
    switch (e.kind) {
      case 'literal':
        return e.value
      case 'variable':
        return defined(own.variables.get(e.name), e.name)
      case 'size':
        return sizeOf(e.dim, machine.dims)
      case 'load':
        return elementAt(defined(machine.buffers.get(e.buffer), e.buffer), value(e.index, machine, own), e.buffer)
      case 'element':
        return elementAt(
          defined(own.arrays.get(e.array) ?? machine.shared.get(e.array), e.array),
          value(e.index, machine, own),
          e.array,
        )
      case 'unary':
        return wrap(e.type, functionOf(unaryFunction(e.opcode, e.operand.type), e)(value(e.operand, machine, own)))
      case 'binary': {
        const [left, right] = [value(e.left, machine, own), value(e.right, machine, own)]
        return wrap(e.type, functionOf(binaryFunction(e.opcode, e.left.type), e)(left, right))
      }
      case 'select':
        return value(e.condition, machine, own) !== 0 ? value(e.then, machine, own) : value(e.otherwise, machine, own)
      case 'cast': {
        const operand = value(e.operand, machine, own)
        if (e.operand.type === 'f32' && (e.type === 'i32' || e.type === 'u32')) return saturate(e.type, operand)
        return e.type === 'bool' ? Number(operand !== 0) : wrap(e.type, operand)
      }
      case 'call':
        return CALL[e.opcode](...e.operands.map((operand) => value(operand, machine, own)))
      case 'reduce':
        return reduction(e, () => value(e.body, machine, own), value(e.extent, machine, own), own)
      default:
        return e satisfies never
    }
  }

  function reduction(
    { opcode, type, variable }: Pick<Reduction, 'opcode' | 'type' | 'variable'>,
    term: () => number,
    count: number,
    own: Thread,
  ): number {
    if (count === 0) return emptyReduction(opcode, type)
    let total = reductionIdentity(opcode, type)
    for (let i = 0; i < count; i++) {
      own.variables.set(variable, i)
      total = wrap(type, REDUCE[opcode](total, term()))
    }
    return total
  }

  function run(statements: readonly Statement[], machine: Machine, own: Thread): void {
    for (const s of statements) step(s, machine, own)
  }

  function step(s: Statement, machine: Machine, own: Thread): void {
    const of = (e: Expression): number => value(e, machine, own)
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'assign':
        own.variables.set(s.name, of(s.value))
        return
      case 'array':
        own.arrays.set(s.name, new Float64Array(s.length))
        return
      case 'assign-element': {
        const array = defined(own.arrays.get(s.array) ?? machine.shared.get(s.array), s.array)
        setElement(array, of(s.index), of(s.value), s.array)
        return
      }
      case 'store':
        setElement(defined(machine.buffers.get(s.buffer), s.buffer), of(s.index), of(s.value), s.buffer)
        return
      case 'for': {
        const below = of(s.below)
        const by = of(s.step)
        for (let i = of(s.from); i < below; i += by) {
          own.variables.set(s.variable, i)
          run(s.body, machine, own)
        }
        return
      }
      case 'if':
        run(of(s.condition) !== 0 ? s.body : s.otherwise, machine, own)
        return
      case 'reduce':
        own.variables.set(
          s.name,
          reduction(s, () => (run(s.body, machine, own), of(s.value)), of(s.extent), own),
        )
        return
      case 'barrier':
      case 'all-reduce':
      case 'uniform-load':
      case 'loop':
        throw new Error(`${s.kind} needs a workgroup, not a single thread`)
      default:
        s satisfies never
    }
  }

  function runWorkgroup(statements: readonly Statement[], machine: Machine, threads: readonly Thread[]): void {
    let from = 0
    statements.forEach((s, at) => {
      if (!synchronizes(s)) return
      for (const thread of threads) run(statements.slice(from, at), machine, thread)
      runUniform(s, machine, threads)
      from = at + 1
    })
    for (const thread of threads) run(statements.slice(from), machine, thread)
  }

  /** The value of an expression that must be uniform. */
  function uniformValue(e: Expression, machine: Machine, threads: readonly Thread[]): number {
    const [first, ...others] = threads.map((thread) => value(e, machine, thread))
    if (others.some((other) => !Object.is(other, first)))
      throw new Error('control flow is not uniform where the threads of a workgroup synchronize')
    return first
  }

  function runUniform(s: Statement, machine: Machine, threads: readonly Thread[]): void {
    const of = (e: Expression): number => uniformValue(e, machine, threads)
    const setAll = (name: string, known: number): void => threads.forEach(({ variables }) => variables.set(name, known))
    switch (s.kind) {
      case 'barrier':
        return
      case 'all-reduce':
        allReduce(s.opcode, s.type, s.name, threads)
        return
      case 'uniform-load':
        setAll(s.name, elementAt(defined(machine.shared.get(s.array), s.array), of(s.index), s.array))
        return
      case 'if':
        runWorkgroup(of(s.condition) !== 0 ? s.body : s.otherwise, machine, threads)
        return
      case 'for': {
        const [below, by] = [of(s.below), of(s.step)]
        for (let i = of(s.from); i < below; i += by) {
          setAll(s.variable, i)
          runWorkgroup(s.body, machine, threads)
        }
        return
      }
      case 'loop':
        do runWorkgroup(s.body, machine, threads)
        while (of(s.while) !== 0)
        return
      default:
        throw new Error(`${s.kind} does not synchronize`)
    }
  }

  return { run, runWorkgroup: runWorkgroup, value }
}

/** Reduces a variable over the threads of a workgroup. */
function allReduce(opcode: ReduceOpcode, type: ScalarType, name: string, threads: readonly Thread[]): void {
  const total = threads.reduce(
    (sum, thread) => wrap(type, REDUCE[opcode](sum, defined(thread.variables.get(name), name))),
    reductionIdentity(opcode, type),
  )
  for (const thread of threads) thread.variables.set(name, total)
}

function functionOf<F>(compute: F | undefined, { opcode, type }: Extract<Expression, { kind: 'unary' | 'binary' }>): F {
  if (compute === undefined) throw new Error(`${opcode} is not defined on ${type}`)
  return compute
}

function defined<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is not defined`)
  return value
}

function elementAt(values: Values, index: number, name: string): number {
  if (!(index >= 0 && index < values.length))
    throw new Error(`index ${index} of ${name} is out of range: it has ${values.length} elements`)
  return values[index]
}

function setElement(values: Values, index: number, value: number, name: string): void {
  elementAt(values, index, name)
  values[index] = value
}
