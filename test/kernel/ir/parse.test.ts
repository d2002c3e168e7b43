import { expect, test } from 'vitest'
import { parseKernel } from '../../../compiler/kernel/ir/parse.ts'
import { printKernel } from '../../../compiler/kernel/ir/print.ts'

const HEAD = 'kernel "k" template "t"\nread @x: f32[T]\nread_write @y: f32[T]\nworkgroups [T] of 1\nbody {\n'
const kernel = (...body: readonly string[]): string => `${HEAD}${body.map((line) => `  ${line}\n`).join('')}}\n`

test.each([
  ['literals', ['@y[0u] = -1.5', '@y[0u] = -inf', '@y[0u] = nan', '@y[0u] = -0.0', '@y[0u] = 1e-7']],
  ['operators by how they bind', ['@y[workgroup] = (1.0 + @x[0u]) * @x[1u] - (@x[2u] - @x[3u]) / @x[4u]']],
  ['functions', ['@y[0u] = select(not(@x[0u] < 1.0), power(@x[0u], 2.0), maximum(exp(@x[0u]), 0.0))']],
  ['reductions', ['@y[0u] = sum[i < size[T]](@x[i] * @x[i])']],
  [
    'statements',
    ['var a = 0.0', 'for i in 0u .. size[T] step 1u {', '  a = a + @x[i]', '}', 'all_reduce sum a: f32', '@y[0u] = a'],
  ],
  ['branches', ['if @x[0u] < 1.0 and @x[1u] < 1.0 {', '  @y[0u] = 1.0', '} else {', '  @y[0u] = 2.0', '}']],
  ['named reductions', ['reduce a = max[i < 4u] {', '  let b = @x[i]', '} of b * b', '@y[0u] = a']],
])('text of %s parses back', (_, body) => {
  const text = kernel(...body)
  expect(printKernel(parseKernel(text))).toBe(text)
})

test.each([
  ['@y[0u] = 1.0 + 1u', 'line 6: add of f32 and u32'],
  ['@y[0u] = @z[0u]', 'line 6: there is no buffer @z'],
  ['@y[0u] = %7', 'line 6: %7 is not defined above'],
  ['@y[0u] = frob(1.0)', "line 6: 'frob' is not an opcode"],
  ['@y[0u] = 1.0 1.0', "line 6: unexpected '1.0'"],
  ['frob', "line 6: 'frob' begins no statement"],
  ['if true {', 'the text ends within a block'],
])('refuses %s', (line, message) => {
  expect(() => parseKernel(kernel(line))).toThrow(message)
})
