/** The pass that names shared values: what is computed once, what is not, and that statements mean the same after it. */
import { expect, test } from 'vitest'
import { add, element, f32, less, load, multiply, reduce, u32, unary, variable } from '../../compiler/scalar/build.ts'
import type { Expression, Statement } from '../../compiler/scalar/expression.ts'
import { createInterpreter, createThread } from '../../compiler/scalar/interpret.ts'
import { createNameSource, nameValues } from '../../compiler/scalar/name-values.ts'
import { assign, loopTo, mutable, setElement, store, when } from '../../compiler/scalar/statements.ts'
import { allStatements } from '../../compiler/scalar/walk.ts'

const named = (statements: readonly Statement[]): readonly Statement[] => nameValues(statements, createNameSource())
const lets = (statements: readonly Statement[]): readonly string[] =>
  allStatements(named(statements)).flatMap((s) => (s.kind === 'let' ? [s.name] : []))

const i = variable('u32', 'i')
const x = load('f32', 'x', i)
const exp = unary('exp', x)
const sum = reduce('sum', 'j', u32(4), multiply(load('f32', 'x', variable('u32', 'j')), load('f32', 'x', variable('u32', 'j'))))

test('a value that is used twice is a constant, a value that is used once is not', () => {
  expect(lets([store('y', i, multiply(exp, add(exp, f32(1))))])).toEqual(['v0'])
  expect(lets([store('y', i, add(exp, f32(1)))])).toEqual([])
})

test('a value that a store or an assignment may change is not a constant', () => {
  const y = load('f32', 'y', i)
  expect(lets([store('y', i, multiply(y, y))])).toEqual([])
  const a = variable('f32', 'a')
  expect(lets([mutable('a', f32(0)), assign('a', multiply(unary('exp', a), unary('exp', a)))])).toEqual([])
  expect(lets([store('y', i, multiply(element('f32', 'e', i), element('f32', 'e', i)))])).toEqual([])
})

test('a constant of a branch is not used after it', () => {
  const twice = store('y', i, multiply(exp, exp))
  expect(lets([when(less(i, u32(3)), [twice]), twice])).toEqual(['v0', 'v1', 'v2', 'v3'])
})

test('a reduction is a statement, once for all its uses', () => {
  const statements = named([store('y', i, add(sum, unary('sqrt', sum)))])
  expect(statements.map(({ kind }) => kind)).toEqual(['reduce', 'store'])
})

test('a long chain is cut into constants', () => {
  const chain = Array.from({ length: 100 }).reduce<Expression>((before) => unary('exp', before), x)
  expect(lets([store('y', i, chain)]).length).toBeGreaterThan(2)
})

test('statements mean the same with names', () => {
  const statements: readonly Statement[] = [
    { kind: 'array', name: 'e', type: 'f32', length: 4 },
    loopTo('k', u32(4), (k) => [setElement('e', k, multiply(add(load('f32', 'x', k), sum), add(load('f32', 'x', k), sum)))]),
    mutable('a', sum),
    when(less(u32(0), u32(1)), [assign('a', add(variable('f32', 'a'), multiply(exp, exp)))]),
    store('y', u32(0), multiply(variable('f32', 'a'), element('f32', 'e', u32(3)))),
  ]
  const run = (some: readonly Statement[]): readonly number[] => {
    const buffers = new Map([
      ['x', [1, 2, 3, 4]],
      ['y', [0]],
    ])
    createInterpreter().run(some, { dims: {}, buffers, shared: new Map() }, createThread({ i: 1 }))
    return buffers.get('y')!
  }
  expect(run(named(statements))).toEqual(run(statements))
})
