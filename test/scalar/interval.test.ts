import { expect, test } from 'vitest'
import { add, binary, divide, literal, multiply, remainder, size, u32, variable } from '../../compiler/scalar/build.ts'
import { createIntervals } from '../../compiler/scalar/interval.ts'
import type { Expression } from '../../compiler/scalar/expression.ts'

const i = variable('u32', 'i')
const open = variable('u32', 'open')
const of = createIntervals({ dims: { T: 5 }, variables: new Map([['i', { low: 0, high: 9 }]]), limits: new Map([[open, 3]]) })
const minus = (a: Expression, b: Expression): Expression => binary('subtract', a, b)

test.each<[string, Expression, readonly [number, number] | null]>([
  ['a size', size('T'), [5, 5]],
  ['a sum', add(multiply(i, u32(4)), u32(3)), [3, 39]],
  ['a quotient', divide(i, u32(4)), [0, 2]],
  ['a remainder', remainder(i, u32(4)), [0, 3]],
  ['a remainder of a smaller number', remainder(i, u32(16)), [0, 9]],
  ['a difference of u32', minus(i, u32(3)), [0, 6]],
  ['a difference of i32', minus(literal('i32', 1), literal('i32', 3)), [-2, -2]],
  ['a minimum with one bound', binary('minimum', variable('u32', 'unknown'), u32(7)), [0, 7]],
  ['a variable with a limit', open, [0, 3]],
  ['a variable that nothing bounds', variable('u32', 'unknown'), null],
])('%s', (_, e, expected) => {
  const interval = of(e)
  expect(interval === null ? null : [interval.low, interval.high]).toEqual(expected)
})
