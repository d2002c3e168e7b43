import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  add,
  ceilDivide,
  constantValue,
  dim,
  divideExact,
  evaluate,
  floorDivide,
  isConstant,
  minimum,
  multiply,
  negate,
  parseDim,
  substitute,
  subtract,
  symbol,
  symbolsOf,
  ZERO,
  type Dim,
  type DimLike,
} from '../../plan/dim.ts'
import { assertProperty } from '../support/property.ts'

type Tree =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'add' | 'subtract' | 'multiply' | 'floor' | 'ceil' | 'min'; readonly left: Tree; readonly right: Tree }

const NAMES = ['B', 'S', 'T_1', 'floor', 'min']

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({ kind: fc.constant('number' as const), value: fc.integer({ min: -6, max: 6 }) }),
    fc.record({ kind: fc.constant('symbol' as const), name: fc.constantFrom(...NAMES) }),
    fc.record({
      kind: fc.constantFrom('add' as const, 'subtract' as const, 'multiply' as const, 'min' as const),
      left: tie('tree'),
      right: tie('tree'),
    }),
    // divisors are sizes: positive under every binding
    fc.record({
      kind: fc.constantFrom('floor' as const, 'ceil' as const),
      left: tie('tree'),
      right: fc.oneof(
        fc.record({ kind: fc.constant('number' as const), value: fc.integer({ min: 1, max: 16 }) }),
        fc.record({ kind: fc.constant('symbol' as const), name: fc.constantFrom(...NAMES) }),
      ),
    }),
  ),
}))

const sizes = fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.integer({ min: 1, max: 9 })])))

const OPERATIONS = { add, subtract, multiply, floor: floorDivide, ceil: ceilDivide, min: minimum }

function build(node: Tree): Dim {
  if (node.kind === 'number') return dim(node.value)
  return node.kind === 'symbol' ? symbol(node.name) : OPERATIONS[node.kind](build(node.left), build(node.right))
}

function calculate(node: Tree, values: Record<string, number>): number {
  if (node.kind === 'number') return node.value
  if (node.kind === 'symbol') return values[node.name]
  const [a, b] = [calculate(node.left, values), calculate(node.right, values)]
  switch (node.kind) {
    case 'add':
      return a + b
    case 'subtract':
      return a - b
    case 'multiply':
      return a * b
    case 'floor':
      return Math.floor(a / b)
    case 'ceil':
      return Math.ceil(a / b)
    case 'min':
      return Math.min(a, b)
    default:
      return node satisfies never
  }
}

const check = <T extends [unknown, ...unknown[]]>(
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  law: (...values: T) => void,
): void =>
  assertProperty(
    fc.property(...(arbitraries as never as [fc.Arbitrary<unknown>]), ((...values: T) => {
      law(...values)
    }) as never),
    500,
  )

describe('dims', () => {
  it('evaluate to what they are built of', () =>
    check<[Tree, Record<string, number>]>([tree, sizes], (t, values) =>
      expect(evaluate(build(t), values) + 0).toBe(calculate(t, values) + 0),
    ))

  it('are what their keys parse to', () => check<[Tree]>([tree], (t) => expect(parseDim(build(t).key)).toBe(build(t))))

  it('have the value of their key as JavaScript', () =>
    check<[Tree, Record<string, number>]>([tree, sizes], (t, values) =>
      expect(evaluate(build(t).key, values)).toBe(evaluate(build(t), values)),
    ))

  it('evaluate alike before and after substitution', () =>
    check<[Tree, Tree, Record<string, number>]>([tree, tree, sizes], (t, by, values) => {
      const inner = evaluate(build(by), values)
      if (inner < 1) return
      expect(evaluate(substitute(build(t), { B: build(by) }), values) + 0).toBe(evaluate(build(t), { ...values, B: inner }) + 0)
    }))

  it('become numbers when all symbols do', () =>
    check<[Tree, Record<string, number>]>([tree, sizes], (t, values) => {
      expect(constantValue(substitute(build(t), values))).toBe(evaluate(build(t), values) + 0)
      expect(isConstant(build(t))).toBe(symbolsOf(build(t)).length === 0)
    }))

  it('are the same object where they are equal polynomials', () =>
    check<[Tree, Tree, Tree]>([tree, tree, tree], (x, y, z) => {
      const [a, b, c] = [build(x), build(y), build(z)]
      expect(add(a, b)).toBe(add(b, a))
      expect(multiply(a, b)).toBe(multiply(b, a))
      expect(add(add(a, b), c)).toBe(add(a, add(b, c)))
      expect(multiply(multiply(a, b), c)).toBe(multiply(a, multiply(b, c)))
      expect(multiply(a, add(b, c))).toBe(add(multiply(a, b), multiply(a, c)))
      expect(subtract(a, a)).toBe(ZERO)
      expect(negate(negate(a))).toBe(a)
    }))

  it('divide back what was multiplied by a single term', () =>
    check<[Tree, number, string]>([tree, fc.integer({ min: 1, max: 9 }), fc.constantFrom(...NAMES)], (t, n, name) => {
      const by = multiply(n, symbol(name))
      expect(divideExact(multiply(build(t), by), by)).toBe(build(t))
      expect(floorDivide(multiply(build(t), by), by)).toBe(build(t))
    }))

  it('divide exactly or not at all', () =>
    check<[Tree, Tree]>([tree, tree], (x, y) => {
      const quotient = divideExact(build(x), build(y))
      if (quotient !== undefined) expect(multiply(quotient, build(y))).toBe(build(x))
    }))

  it.each<[DimLike, string]>([
    ['B*S*32', '32*B*S'],
    ['2 + B', 'B + 2'],
    ['B - S', 'B + -1*S'],
    ['-B', '-1*B'],
    ['B - B', '0'],
    ['(B + 1) * (B + 1)', 'B*B + 2*B + 1'],
    ['floor(B, 1)', 'B'],
    ['ceil(7, 2)', '4'],
    ['floor(-7, 2)', '-4'],
    ['ceil(B + 3, 16)', 'ceil(B + 3, 16)'],
    ['ceil(16*B, 16)', 'B'],
    ['floor(16*B + 8, 16)', 'B'],
    ['ceil(16*B + S, 16)', 'B + ceil(S, 16)'],
    ['floor(B*S + S, S)', 'B + 1'],
    [-0, '0'],
    ['floor * 2', '2*floor'],
  ])('%s is %s', (given, key) => expect(dim(given).key).toBe(key))

  it.each(['', 'B +', 'B S', '(B', 'floor(B)', 'B / 2', '2 3', '1.5', '99999999999999999999'])('%j is no dimension', (text) => {
    expect(() => parseDim(text)).toThrow(SyntaxError)
  })

  it('names the symbol that has no value', () =>
    expect(() => evaluate('B*S', { B: 2 })).toThrow(new RangeError('dimension S has no value')))

  it('knows a symbol called like a property of every object', () => {
    expect(() => evaluate('constructor', {})).toThrow(RangeError)
    expect(substitute(symbol('toString'), {})).toBe(symbol('toString'))
  })

  it('lists symbols once, in order', () => expect(symbolsOf(dim('S*B + floor(T, 2) + B'))).toEqual(['B', 'S', 'T']))

  it('refuses what is no whole number', () => {
    expect(() => dim(1.5)).toThrow(RangeError)
    expect(() => dim(Infinity)).toThrow(RangeError)
  })
})
