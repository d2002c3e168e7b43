import { expect, it } from 'vitest'
import { dim, symbol } from '../../plan/dim.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../compiler/ops/build.ts'

const at = (instance: string) => ({ span: null, instance })

it('makes each node once, and keeps the origin of the first maker', () => {
  const { make, nodes } = createBuilder()
  const x = make('input', [], { name: 'x', dtype: 'f32', shape: [symbol('B')] }, at('first'))
  expect(make('input', [], { shape: [dim('B')], dtype: 'f32', name: 'x' }, at('second'))).toBe(x)
  expect(x.origin.instance).toBe('first')
  const y = make('exp', [x], NONE, NO_ORIGIN)
  expect(make('exp', [x], {}, at('later'))).toBe(y)
  expect(make('sin', [x], {}, NO_ORIGIN)).not.toBe(y)
  expect(nodes.map(({ id }) => id)).toEqual([0, 1, 2])
  expect([y, y.inputs, y.params].every(Object.isFrozen)).toBe(true)
})

it('tells constants apart by every bit', () => {
  const { make } = createBuilder()
  const constant = (value: number) => make('constant', [], { dtype: 'f32', shape: [], values: [value] }, NO_ORIGIN)
  expect(constant(0)).not.toBe(constant(-0))
  expect(constant(NaN)).toBe(constant(NaN))
  expect(constant(Infinity)).not.toBe(constant(-Infinity))
  expect(constant(1)).not.toBe(make('constant', [], { dtype: 'i32', shape: [], values: [1] }, NO_ORIGIN))
})

it('refuses what does not fit, and operands of another builder', () => {
  const [a, b] = [createBuilder(), createBuilder()]
  const x = a.make('iota', [], { size: dim(3) }, NO_ORIGIN)
  expect(() => a.make('exp', [x], NONE, at('layers.0'))).toThrow("exp: the operand is f32, not i32 (in 'layers.0')")
  expect(() => b.make('negate', [x], NONE, NO_ORIGIN)).toThrow('negate: operand %0 belongs to another builder')
})
