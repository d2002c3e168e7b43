import { expect, test } from 'vitest'
import type { Binding } from '../../../../compiler/kernel/ir/kernel.ts'
import { parseKernel } from '../../../../compiler/kernel/ir/parse.ts'
import { faultText, verifyKernel } from '../../../../compiler/kernel/ir/verify.ts'
import { ELEMENTWISE, SORTED, replaced, refuses } from './planted.ts'

refuses([
  [
    'a binding that nothing uses',
    () => replaced(ELEMENTWISE, 'read @', 'read @z: f32[1]\nread @'),
    /: bindings: @z is bound and not used/,
  ],
  [
    'a store to a binding that is read',
    () => replaced(ELEMENTWISE, 'read_write @y', 'read @y'),
    /: @y\[element\] = .*: @y is bound as read/,
  ],
  [
    'a result that is never stored',
    () => replaced(ELEMENTWISE, /@y\[element\] = .*\n/, 'let y = @y[element]\n'),
    /@y is bound as read_write and never stored to/,
  ],
  ['a sort of another dtype', () => replaced(SORTED, '@order: i32', '@order: f32'), /: experts: @order is f32, not i32/],
  [
    'two bindings of one name',
    () => replaced(ELEMENTWISE, 'read_write @y', 'read @y: f32[1]\nread_write @y'),
    /: bindings: two bindings have one name/,
  ],
  ['a buffer that is not bound', () => replaced(ELEMENTWISE, '@y[element] =', '@z[element] ='), /: @z is not bound/],
])

test('refuses a load of another dtype than the binding has', () => {
  const kernel = parseKernel(ELEMENTWISE)
  const buffers = kernel.buffers.map((binding): Binding => (binding.name === 'embed' ? { ...binding, dtype: 'i32' } : binding))
  expect(
    verifyKernel({ ...kernel, buffers })
      .map(faultText)
      .join('\n'),
  ).toMatch(/@embed is i32, not f32/)
})
