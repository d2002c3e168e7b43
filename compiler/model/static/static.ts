/** Compile-time values: numbers, booleans and strings, as expressions over parameters and loop indices. */
import { OPERATORS } from '../../../plan/arithmetic.ts'
import {
  dim,
  evaluateExact,
  multiply,
  add,
  subtract,
  negate,
  floorDivide,
  symbol,
  symbolsOf,
  type Dim,
} from '../../../plan/dim.ts'
import type { ProgressVariable } from '../../../plan/formula.ts'
import { emptyTable } from '../../../plan/table.ts'

export type StaticType = 'int' | 'real' | 'bool' | 'string'
export type StaticValue = number | boolean | string

/** Ints that a dim can express are dims; everything else is an expression. */
export type Static =
  | { readonly kind: 'int'; readonly type: 'int'; readonly dim: Dim }
  | { readonly kind: 'literal'; readonly type: 'real' | 'bool' | 'string'; readonly value: StaticValue }
  | { readonly kind: 'symbol'; readonly type: 'real' | 'bool' | 'string'; readonly name: string }
  /** A number that changes from step to step of training. */
  | { readonly kind: 'moment'; readonly type: 'real'; readonly name: ProgressVariable }
  | { readonly kind: 'operation'; readonly type: StaticType; readonly word: string; readonly operands: readonly Static[] }

/** The value of a parameter, an index or another symbol; undefined where it is not known. */
export type Lookup = (name: string) => StaticValue | undefined

export const int = (size: Dim | number): Static => ({ kind: 'int', type: 'int', dim: dim(size) })
export const real = (value: number): Static => ({ kind: 'literal', type: 'real', value })
export const bool = (value: boolean): Static => ({ kind: 'literal', type: 'bool', value })
export const word = (value: string): Static => ({ kind: 'literal', type: 'string', value })

export const moment = (name: ProgressVariable): Static => ({ kind: 'moment', type: 'real', name })

/** The symbol by which a moment is looked up: no parameter can have its name. */
export const momentSymbol = (name: ProgressVariable): string => `training.${name}`

const MOMENTS = new Map((['step', 'progress'] satisfies ProgressVariable[]).map((name) => [momentSymbol(name), name]))

/** The moment of training that a value depends on; undefined where there is none. */
export const momentIn = (value: Static): ProgressVariable | undefined =>
  symbolsIn(value)
    .map((name) => MOMENTS.get(name))
    .find((name) => name !== undefined)

/** Whether a value changes from step to step of training. */
export const changesByStep = (value: Static): boolean => momentIn(value) !== undefined

export const parameter = (name: string, type: StaticType): Static =>
  type === 'int' ? int(symbol(name)) : { kind: 'symbol', type, name }

export const literal = (value: StaticValue, type: StaticType): Static =>
  type === 'int' ? int(value as number) : { kind: 'literal', type, value }

const WORDS: Readonly<Record<string, (...values: readonly never[]) => StaticValue>> = OPERATORS

/** The numeric functions, by name: the builtins, given by the callers of `evaluate`. */
export type Folds = (word: string) => ((...values: readonly number[]) => number) | null

/** The value under `lookup`; undefined where something it depends on has none. */
export function evaluate(value: Static, lookup: Lookup, folds: Folds): StaticValue | undefined {
  switch (value.kind) {
    case 'literal':
      return value.value
    case 'symbol':
      return lookup(value.name)
    case 'moment':
      return lookup(momentSymbol(value.name))
    case 'int':
      return evaluateSize(value.dim, lookup)
    case 'operation': {
      if (value.word === 'if') {
        const condition = evaluate(value.operands[0], lookup, folds)
        return condition === undefined ? undefined : evaluate(value.operands[condition === true ? 1 : 2], lookup, folds)
      }
      const operands = value.operands.map((operand) => evaluate(operand, lookup, folds))
      if (operands.some((operand) => operand === undefined)) return undefined
      const compute = WORDS[value.word] ?? folds(value.word)
      return (compute as (...values: readonly unknown[]) => StaticValue)(...operands)
    }
    default:
      return value satisfies never
  }
}

/** The number a dim is under `lookup`. Throws a DimRangeError where it is too large to be exact. */
export function evaluateSize(size: Dim, lookup: Lookup): number | undefined {
  const values = emptyTable<number>()
  for (const name of symbolsOf(size)) {
    const value = lookup(name)
    if (typeof value !== 'number') return undefined
    values[name] = value
  }
  return evaluateExact(size, values)
}

/** The names of the symbols it depends on. */
export function symbolsIn(value: Static): readonly string[] {
  switch (value.kind) {
    case 'int':
      return symbolsOf(value.dim)
    case 'symbol':
      return [value.name]
    case 'moment':
      return [momentSymbol(value.name)]
    case 'operation':
      return value.operands.flatMap(symbolsIn)
    case 'literal':
      return []
    default:
      return value satisfies never
  }
}

const NOTHING: Lookup = () => undefined

/** The words of the operations in it that change from step to step. */
export const wordsIn = (value: Static): readonly string[] =>
  value.kind === 'operation' && changesByStep(value) ? [value.word, ...value.operands.flatMap(wordsIn)] : []

/** An operation; its value where all operands are literals. */
export function operation(type: StaticType, name: string, operands: readonly Static[], folds: Folds): Static {
  const made: Static = { kind: 'operation', type, word: name, operands }
  const value = evaluate(made, NOTHING, folds)
  if (value === undefined || (type === 'int' && !Number.isSafeInteger(value))) return made
  return literal(value, type)
}

/** Sums, differences, products, quotients and remainders of dims; the quotient is meant to be exact. */
export function combineSizes(name: '+' | '-' | '*' | '/' | '%', a: Dim, b: Dim): Dim {
  switch (name) {
    case '+':
      return add(a, b)
    case '-':
      return subtract(a, b)
    case '*':
      return multiply(a, b)
    case '/':
      return floorDivide(a, b)
    case '%':
      return subtract(a, multiply(b, floorDivide(a, b)))
    default:
      return name satisfies never
  }
}

export const negateSize = negate

const INFIX = new Set(['+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '>=', 'and', 'or'])

/** The expression as a person would write it. */
export function staticText(value: Static): string {
  switch (value.kind) {
    case 'int':
      return value.dim.key
    case 'literal':
      return typeof value.value === 'string' ? JSON.stringify(value.value) : String(value.value)
    case 'symbol':
    case 'moment':
      return value.name
    case 'operation': {
      const operands = value.operands.map((operand) =>
        operand.kind === 'operation' && INFIX.has(operand.word) ? `(${staticText(operand)})` : staticText(operand),
      )
      if (INFIX.has(value.word)) return operands.join(` ${value.word} `)
      if (value.word === 'not') return `not ${operands[0]}`
      if (value.word === 'if') return `if ${operands[0]} then ${operands[1]} else ${operands[2]}`
      return `${value.word}(${value.operands.map(staticText).join(', ')})`
    }
    default:
      return value satisfies never
  }
}
