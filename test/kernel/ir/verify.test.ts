/** Faults that are planted into real kernels, one each: all are refused, with the kernel, the statement and the fault. */
import { expect, test } from 'vitest'
import type { Binding, Kernel } from '../../../compiler/kernel/ir/kernel.ts'
import { parseKernel } from '../../../compiler/kernel/ir/parse.ts'
import { printKernel } from '../../../compiler/kernel/ir/print.ts'
import { faultText, verifyKernel } from '../../../compiler/kernel/ir/verify.ts'
import { f32, u32 } from '../../../compiler/scalar/build.ts'
import type { Expression, Statement } from '../../../compiler/scalar/expression.ts'
import { PORTABLE } from '../../../plan/target.ts'
import { kernelsOf, specs } from '../../support/kernel-corpus.ts'

const kernels = kernelsOf(
  specs.find(({ name }) => name === 'examples/01-first-routed-layer')!,
  PORTABLE,
)
const texts = kernels.map(printKernel)
const textOf = (...parts: readonly string[]): string => texts.find((text) => parts.every((part) => text.includes(part)))!

const GATE = textOf('"gate"', 'shared partial')
const ELEMENTWISE = textOf('"elementwise"')
const LOOKUP = textOf('"matmul"', 'experts lookup', 'down')
const SORTED = textOf('"matmul"', 'experts sorted', 'down')

/** Replaces the first occurrence, which must be there. */
function replaced(text: string, from: string | RegExp, to: string): string {
  const after = text.replace(from, to)
  expect(after).not.toBe(text)
  return after
}

/** In the body of a kernel, before its first statement. */
const begun = (text: string, ...lines: readonly string[]): string => replaced(text, 'body {\n', `body {\n${lines.join('\n')}\n`)

const PLANTED: readonly (readonly [name: string, text: () => string, fault: RegExp])[] = [
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
  [
    'a bound beyond the buffer',
    () => replaced(ELEMENTWISE, 'element < size[16*B*S]', 'element < size[32*B*S]'),
    /: @y\[element\] = .*: the index reaches 31; @y has 16 elements where B = 1, S = 1/,
  ],
  [
    'an index one too far',
    () => replaced(ELEMENTWISE, '@y[element]', '@y[element + 1u]'),
    /the index reaches 16; @y has 16 elements/,
  ],
  ['a name that is defined twice', () => begun(ELEMENTWISE, 'let element = 0u'), /: let element = .*: element is defined before/],
  [
    'a value of another dtype',
    () => replaced(ELEMENTWISE, /@y\[element\] = .*/, '@y[element] = 1u'),
    /: @y\[element\] = 1u: @y is f32, not u32/,
  ],
  [
    'a variable that is not defined',
    () => replaced(ELEMENTWISE, /@y\[element\] = .*/, '@y[element] = f32(elemen)'),
    /: elemen is not defined/,
  ],
  [
    'a condition that is no truth value',
    () => replaced(ELEMENTWISE, /if element < .* \{/, 'if element {'),
    /: if element \{: the condition is u32, not bool/,
  ],
  [
    'a barrier for some threads',
    () => replaced(GATE, 'barrier', 'if thread < 8u {\nbarrier\n}'),
    /: barrier: it synchronizes the workgroup in control flow that is not uniform/,
  ],
  [
    'an all-reduce for some threads',
    () => replaced(GATE, /(var max(\d+) = .*\n)/, '$1 all_reduce max max$2: f32\n'),
    /: all_reduce max .*: it synchronizes the workgroup in control flow that is not uniform/,
  ],
  [
    'a loop that threads leave one by one',
    () => begun(GATE, 'do {', 'barrier', '} while thread < 1u'),
    /: do \{: its condition is not uniform/,
  ],
  [
    'an array that is too short',
    () => replaced(GATE, /shared (scores\d+): f32\[8\]/, 'shared $1: f32[4]'),
    /: (scores\d+)\[p\d+\] = .*: the index reaches 7; \1 has 4 elements/,
  ],
  [
    'a loop that never moves',
    () => replaced(GATE, 'step 64u', 'step 0u'),
    /: for p\d+ in .*: the step of the loop is not positive/,
  ],
  [
    'an assignment to a constant',
    () => replaced(GATE, /(let (best\d+_next) = .*\n)/, '$1 $2 = 0.0\n'),
    /: best\d+_next = 0.0: best\d+_next is assigned once/,
  ],
  [
    'more workgroup memory than there is',
    () => replaced(GATE, /shared (partial\d+): f32\[64\]/, 'shared $1: f32[5000]'),
    /: workgroup: it needs 20032 bytes of workgroup memory; .* has 16384/,
  ],
  ['more threads than there are', () => replaced(GATE, 'of 64', 'of 512'), /: workgroup: it has 512 threads; .* allows 256/],
  [
    'an array that is not defined',
    () => begun(GATE, 'nowhere[thread] = 1.0'),
    /: nowhere\[thread\] = 1.0: the array nowhere is not defined/,
  ],
  [
    'one element that all threads write',
    () => begun(GATE, `${/shared (scores\d+)/.exec(GATE)![1]}[0u] = 1.0`),
    /: scores\d+\[0u\] = 1.0: all 64 threads write one element of scores/,
  ],
  [
    'two threads that write one element',
    () => begun(GATE, `${/shared (partial\d+)/.exec(GATE)![1]}[thread / 2u] = 1.0`),
    /: partial\d+\[thread \/ 2u\] = 1.0: thread 0 and thread 1 both write partial\d+\[0\]/,
  ],
  [
    'a read of what another thread writes',
    () =>
      begun(
        GATE,
        ...['[thread] = 1.0', '[(thread + 1u) % 64u]'].map(
          (rest, at) => `${at === 1 ? 'let other = ' : ''}${/shared (partial\d+)/.exec(GATE)![1]}${rest}`,
        ),
      ),
    /: let other = .*: thread \d+ and thread \d+ access partial\d+\[\d+\] with no barrier between/,
  ],
  [
    'one element for all columns',
    () => replaced(LOOKUP, /@y\[row \* (\d+)u \+ column\]/, '@y[row * $1u]'),
    /: @y\[row \* 16u\] = .*: elements of every column are stored at one index/,
  ],
  [
    'an operand that is too small',
    () => replaced(LOOKUP, '@down: f32[4096]', '@down: f32[64]'),
    /: right operand 0: its base reaches 4064; @down has 64 elements/,
  ],
  [
    'an epilogue that synchronizes',
    () => replaced(LOOKUP, 'epilogue {\n', 'epilogue {\nbarrier\n'),
    /: barrier: the epilogue of a matmul cannot synchronize/,
  ],
  ['a sort of another dtype', () => replaced(SORTED, '@order: i32', '@order: f32'), /: experts: @order is f32, not i32/],
]

test.each(PLANTED)('refuses %s', (_, text, fault) => {
  const kernel = parseKernel(text())
  const faults = verifyKernel(kernel).map(faultText)
  expect(faults.join('\n')).toMatch(fault)
  for (const each of faults) expect(each.startsWith(`${kernel.name}: `)).toBe(true)
})

test('the kernels without a planted fault have none', () => {
  for (const text of [GATE, ELEMENTWISE, LOOKUP, SORTED]) expect(verifyKernel(parseKernel(text))).toEqual([])
})

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

test('refuses a load of another dtype than the binding has', () => {
  const kernel = parseKernel(ELEMENTWISE)
  const buffers = kernel.buffers.map((binding): Binding => (binding.name === 'embed' ? { ...binding, dtype: 'i32' } : binding))
  expect(
    verifyKernel({ ...kernel, buffers })
      .map(faultText)
      .join('\n'),
  ).toMatch(/@embed is i32, not f32/)
})
