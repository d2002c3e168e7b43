/** Runs scalar statements on the host, numbers in f64: what a kernel means, whatever a target makes of it. */
import { evaluate as sizeOf, type DimValues } from '../../plan/dim.ts'
import { philox } from '../../plan/philox.ts'
import { floorQuotient, floorRemainder, power, wholeRemainder } from './arithmetic.ts'
import { emptyFold, foldStart } from './fold.ts'
import type { BinaryWord, CallWord, Expression, ReduceWord, ScalarType, Statement, UnaryWord } from './expression.ts'

type Values = Float64Array | number[]

/** Memory that outlives a statement: buffers by the names the kernel knows them by, and the workgroup's arrays. */
export interface Machine {
  readonly dims: DimValues
  readonly buffers: ReadonlyMap<string, Values>
  readonly shared: Map<string, Values>
}

/** One invocation's own variables and arrays. */
export interface Invocation {
  readonly variables: Map<string, number>
  readonly arrays: Map<string, Values>
}

export const invocation = (variables: Readonly<Record<string, number>>): Invocation => ({
  variables: new Map(Object.entries(variables)),
  arrays: new Map(),
})

type Functions = { readonly [W in UnaryWord]: (x: number) => number }

/** erf is given by whoever knows the reference functions of the ops. */
export interface Words {
  readonly unary: Functions
}

const CALL: { readonly [W in CallWord]: (...operands: readonly number[]) => number } = {
  random_bits: (key0, key1, counter0, counter1, place) => philox([key0, key1], [counter0, counter1, 0, 0])[place],
}

const truth = (value: boolean): number => (value ? 1 : 0)

const BINARY: { readonly [W in BinaryWord]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  remainder: floorRemainder,
  power,
  minimum: Math.min,
  maximum: Math.max,
  less: (a, b) => truth(a < b),
  less_equal: (a, b) => truth(a <= b),
  equal: (a, b) => truth(a === b),
  and: (a, b) => truth(a !== 0 && b !== 0),
  or: (a, b) => truth(a !== 0 || b !== 0),
}

/** Operations with a different definition for integers; an integer product may exceed the precision of f64. */
const WHOLE: { readonly [W in BinaryWord]?: (a: number, b: number) => number } = {
  multiply: Math.imul,
  divide: floorQuotient,
  remainder: wholeRemainder,
}

const FOLD: { readonly [W in ReduceWord]: (a: number, b: number) => number } = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
}

/** A value stored in its type: integers wrap. */
function keep(type: ScalarType, value: number): number {
  switch (type) {
    case 'u32':
      return Math.trunc(value) >>> 0
    case 'i32':
      return Math.trunc(value) | 0
    case 'f32':
    case 'bool':
      return value
    default:
      return type satisfies never
  }
}

/** A real number as a whole one: towards zero, held to the type's range; NaN is 0. */
function saturate(type: 'i32' | 'u32', value: number): number {
  const [low, high] = type === 'u32' ? [0, 0xffffffff] : [-0x80000000, 0x7fffffff]
  return Number.isNaN(value) ? 0 : Math.min(high, Math.max(low, Math.trunc(value)))
}

/** Whether a statement brings all invocations of the workgroup together, or holds one that does. */
function meets(s: Statement): boolean {
  switch (s.kind) {
    case 'barrier':
    case 'combine':
    case 'agree':
    case 'loop':
      return true
    case 'for':
      return s.body.some(meets)
    case 'if':
      return s.body.some(meets) || s.otherwise.some(meets)
    default:
      return false
  }
}

export function createRunner(words: Words): {
  readonly run: (statements: readonly Statement[], machine: Machine, own: Invocation) => void
  /** All invocations of a workgroup; between two statements where they meet, one runs after the other. */
  readonly runTogether: (statements: readonly Statement[], machine: Machine, lanes: readonly Invocation[]) => void
  readonly value: (e: Expression, machine: Machine, own: Invocation) => number
} {
  function value(e: Expression, machine: Machine, own: Invocation): number {
    switch (e.kind) {
      case 'literal':
        return e.value
      case 'variable':
        return found(own.variables.get(e.name), e.name)
      case 'size':
        return sizeOf(e.dim, machine.dims)
      case 'load':
        return inside(found(machine.buffers.get(e.buffer), e.buffer), value(e.index, machine, own), e.buffer)
      case 'element':
        return inside(
          found(own.arrays.get(e.array) ?? machine.shared.get(e.array), e.array),
          value(e.index, machine, own),
          e.array,
        )
      case 'unary':
        return keep(e.type, words.unary[e.word](value(e.operand, machine, own)))
      case 'binary': {
        const [left, right] = [value(e.left, machine, own), value(e.right, machine, own)]
        const compute = (e.type === 'f32' ? undefined : WHOLE[e.word]) ?? BINARY[e.word]
        const result = compute(left, right)
        return e.type === 'bool' ? result : keep(e.type, result)
      }
      case 'select':
        return value(e.condition, machine, own) !== 0 ? value(e.then, machine, own) : value(e.otherwise, machine, own)
      case 'cast': {
        const operand = value(e.operand, machine, own)
        if (e.operand.type === 'f32' && (e.type === 'i32' || e.type === 'u32')) return saturate(e.type, operand)
        return e.type === 'bool' ? truth(operand !== 0) : keep(e.type, operand)
      }
      case 'call':
        return CALL[e.word](...e.operands.map((operand) => value(operand, machine, own)))
      case 'reduce': {
        const count = value(e.extent, machine, own)
        if (count === 0) return emptyFold(e.word, e.type)
        let total = foldStart(e.word, e.type)
        for (let i = 0; i < count; i++) {
          own.variables.set(e.variable, i)
          total = keep(e.type, FOLD[e.word](total, value(e.body, machine, own)))
        }
        return total
      }
      default:
        return e satisfies never
    }
  }

  function run(statements: readonly Statement[], machine: Machine, own: Invocation): void {
    for (const s of statements) step(s, machine, own)
  }

  function step(s: Statement, machine: Machine, own: Invocation): void {
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
        const array = found(own.arrays.get(s.array) ?? machine.shared.get(s.array), s.array)
        put(array, of(s.index), of(s.value), s.array)
        return
      }
      case 'store':
        put(found(machine.buffers.get(s.buffer), s.buffer), of(s.index), of(s.value), s.buffer)
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
      case 'barrier':
      case 'combine':
      case 'agree':
      case 'loop':
        throw new Error(`${s.kind} concerns a workgroup, not an invocation`)
      default:
        s satisfies never
    }
  }

  function runTogether(statements: readonly Statement[], machine: Machine, lanes: readonly Invocation[]): void {
    let from = 0
    statements.forEach((s, at) => {
      if (!meets(s)) return
      for (const lane of lanes) run(statements.slice(from, at), machine, lane)
      meet(s, machine, lanes)
      from = at + 1
    })
    for (const lane of lanes) run(statements.slice(from), machine, lane)
  }

  /** A value that all invocations must find the same. */
  function agreed(e: Expression, machine: Machine, lanes: readonly Invocation[]): number {
    const [first, ...others] = lanes.map((lane) => value(e, machine, lane))
    if (others.some((other) => !Object.is(other, first))) throw new Error('invocations of a workgroup part where they must meet')
    return first
  }

  function meet(s: Statement, machine: Machine, lanes: readonly Invocation[]): void {
    const of = (e: Expression): number => agreed(e, machine, lanes)
    const tell = (name: string, known: number): void => lanes.forEach(({ variables }) => variables.set(name, known))
    switch (s.kind) {
      case 'barrier':
        return
      case 'combine':
        combine(s.word, s.type, s.name, lanes)
        return
      case 'agree':
        tell(s.name, inside(found(machine.shared.get(s.array), s.array), of(s.index), s.array))
        return
      case 'if':
        runTogether(of(s.condition) !== 0 ? s.body : s.otherwise, machine, lanes)
        return
      case 'for': {
        const [below, by] = [of(s.below), of(s.step)]
        for (let i = of(s.from); i < below; i += by) {
          tell(s.variable, i)
          runTogether(s.body, machine, lanes)
        }
        return
      }
      case 'loop':
        do runTogether(s.body, machine, lanes)
        while (of(s.while) !== 0)
        return
      default:
        throw new Error(`${s.kind} brings no invocations together`)
    }
  }

  return { run, runTogether, value }
}

/** Folds a variable over the invocations of a workgroup. */
function combine(word: ReduceWord, type: ScalarType, name: string, lanes: readonly Invocation[]): void {
  const total = lanes.reduce(
    (sum, lane) => keep(type, FOLD[word](sum, found(lane.variables.get(name), name))),
    foldStart(word, type),
  )
  for (const lane of lanes) lane.variables.set(name, total)
}

function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is not there`)
  return value
}

function inside(values: Values, index: number, name: string): number {
  if (!(index >= 0 && index < values.length)) throw new Error(`${name} has no element ${index}, only ${values.length}`)
  return values[index]
}

function put(values: Values, index: number, value: number, name: string): void {
  inside(values, index, name)
  values[index] = value
}
