import { expect, test } from 'vitest'
import { CONSTANT, controlOf, dependences, type Dependence } from '../../../compiler/kernel/ir/uniformity.ts'
import { add, less, load, u32, variable } from '../../../compiler/scalar/build.ts'
import type { Expression, Statement } from '../../../compiler/scalar/expression.ts'
import { THREAD, WORKGROUP, assign, define, loopOver, mutable, store, when } from '../../../compiler/scalar/statements.ts'

const named = (name: string): Expression => variable('u32', name)
const names = (dependence: Dependence): string =>
  Object.entries(dependence)
    .filter(([, holds]) => holds)
    .map(([name]) => name)
    .join(' ')
const of = (body: readonly Statement[], e: Expression): string => names(dependences(body)(e))

test('a value depends on what its operands depend on, through names', () => {
  const body = [define('a', add(THREAD, WORKGROUP)), define('b', u32(1))]
  expect(of(body, named('a'))).toBe('thread workgroup')
  expect(of(body, named('b'))).toBe('')
})

test('a load depends on memory, of a buffer that is written on the thread too', () => {
  const body = [store('y', THREAD, u32(0))]
  expect(of(body, load('u32', 'x', u32(0)))).toBe('memory')
  expect(of(body, load('u32', 'y', u32(0)))).toBe('thread workgroup memory')
})

test('a variable that some threads assign depends on the thread, though the value does not', () => {
  const body = [mutable('n', u32(0)), when(less(THREAD, u32(1)), [assign('n', u32(1))])]
  expect(of(body, named('n'))).toBe('thread memory')
})

test('a dependence that goes around a loop is found', () => {
  const turn = [assign('a', named('b')), assign('b', named('c')), assign('c', THREAD)]
  const body = [...['a', 'b', 'c'].map((name) => mutable(name, u32(0))), loopOver('i', u32(0), u32(3), u32(1), () => turn)]
  expect(of(body, named('a'))).toBe('thread memory')
})

test('control flow depends on conditions and on the bounds of loops', () => {
  const body = [when(less(WORKGROUP, u32(1)), []), loopOver('i', THREAD, u32(9), u32(1), () => [])]
  expect(body.map((s) => names(controlOf(s, dependences(body))))).toEqual(['workgroup', 'thread'])
  expect(controlOf(define('a', THREAD), dependences(body))).toBe(CONSTANT)
})
