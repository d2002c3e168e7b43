import { expect, test } from 'vitest'
import type { Kernel } from '../../../../compiler/kernel/ir/kernel.ts'
import { parseKernel } from '../../../../compiler/kernel/ir/parse.ts'
import { faultText, verifyKernel } from '../../../../compiler/kernel/ir/verify.ts'
import { f32, u32 } from '../../../../compiler/scalar/build.ts'
import type { Expression, Statement } from '../../../../compiler/scalar/expression.ts'
import { ELEMENTWISE, GATE, replaced, refuses } from './planted.ts'

refuses([
  [
    'a value of another dtype',
    () => replaced(ELEMENTWISE, /@y\[element\] = .*/, '@y[element] = 1u'),
    /: @y\[element\] = 1u: @y is f32, not u32/,
  ],
  [
    'a condition that is no truth value',
    () => replaced(ELEMENTWISE, /if element < .* \{/, 'if element {'),
    /: if element \{: the condition is u32, not bool/,
  ],
  [
    'an assignment to a constant',
    () => replaced(GATE, /(let (best\d+_next) = .*\n)/, '$1 $2 = 0.0\n'),
    /: best\d+_next = 0.0: best\d+_next is assigned once/,
  ],
])

const storing = (value: Expression): Kernel => {
  const store: Statement = { kind: 'store', buffer: 'y', index: u32(0), value }
  const kernel = parseKernel('kernel "k" template "t"\nread_write @y: f32[1]\nworkgroups [1] of 1\nbody {\n@y[0u] = 1.0\n}\n')
  return { ...kernel, computation: { ...kernel.computation, body: [store] } as Kernel['computation'] }
}

test('refuses operands of two types, and an opcode that does not take its operand', () => {
  const mixed: Expression = { kind: 'binary', type: 'f32', opcode: 'add', left: f32(1), right: u32(1) }
  expect(verifyKernel(storing(mixed)).map(faultText)).toEqual(['k: @y[0u] = 1.0 + 1u: the right operand of add is u32, not f32'])
  const truth: Expression = { kind: 'unary', type: 'f32', opcode: 'not', operand: f32(1) }
  expect(verifyKernel(storing(truth)).map(faultText)[0]).toMatch(/not of f32, which takes bool/)
})
