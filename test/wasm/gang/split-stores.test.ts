/** Stores of a choice that a gang makes alike become branches, others stay; the values are the same. */
import { expect, it } from 'vitest'
import { parseKernel } from '../../../compiler/kernel/ir/parse.ts'
import type { Kernel } from '../../../compiler/kernel/ir/kernel.ts'
import { printKernel } from '../../../compiler/kernel/ir/print.ts'
import { splitStores } from '../../../compiler/wasm/gang/split-stores.ts'
import { UNIFORM, type Shape } from '../../../compiler/wasm/gang/shape.ts'
import { createWasmKernel } from '../../support/wasm-kernel.ts'

const ROWS = 3

/** Rows of the first `a` elements of x times 2, then `b` of x, then `c` of y, which has `c` a row. */
const concatenation = (a: number, b: number, c: number): Kernel => {
  const [whole, third] = [a + b + c, a + b]
  const x = (column: string): string => `@x[row * ${third}u + ${column}]`
  const isFirst = `column < ${a}u`
  const isOfX = `column < ${third}u`
  const ofX = `select(${isFirst}, ${x('column')} * 2.0, ${x(`select(${isFirst}, 0u, column)`)})`
  const value = `select(${isOfX}, ${ofX}, @y[row * ${c}u + select(${isOfX}, 0u, column - ${third}u)])`
  return parseKernel(`kernel "parts" template "elementwise"
read @x: f32[${ROWS * third}]
read @y: f32[${ROWS * c}]
read_write @z: f32[${ROWS * whole}]
workgroups [2] of 64
body {
  let element = workgroup * 64u + thread
  if element < ${ROWS * whole}u {
    let row = element / ${whole}u
    let column = element % ${whole}u
    @z[element] = ${value}
  }
}`)
}

const split = (kernel: Kernel): string => {
  const { computation } = kernel
  if (computation.kind !== 'workgroups') throw new Error('no matmul')
  const known = new Map<string, Shape>([
    ['workgroup', UNIFORM],
    ['thread', { kind: 'affine', stride: 1, isAligned: true }],
  ])
  return printKernel({ ...kernel, computation: { ...computation, body: splitStores(computation.body, known) } })
}

const count = (text: string, of: string): number => text.split(of).length - 1

it.each([
  ['all parts of whole gangs', [8, 4, 12], 3, 0],
  ['an inner end within a gang', [6, 6, 12], 2, 2],
  ['an outer end within a gang', [8, 6, 10], 1, 4],
] as const)('%s', (_, [a, b, c], stores, selects) => {
  const kernel = concatenation(a, b, c)
  const text = split(kernel)
  expect(count(text, '@z['), text).toBe(stores)
  expect(count(text, 'select('), text).toBe(selects)

  const whole = a + b + c
  const [x, y] = [a + b, c].map((width, at) => Array.from({ length: ROWS * width }, (_, i) => 1 + i + at * 100))
  const made = createWasmKernel(kernel, {})
  made.write('x', x)
  made.write('y', y)
  made.run()
  expect([...made.read('z')]).toEqual(
    Array.from({ length: ROWS * whole }, (_, element) => {
      const [row, column] = [Math.floor(element / whole), element % whole]
      if (column >= a + b) return y[row * c + column - a - b]
      return x[row * (a + b) + column] * (column < a ? 2 : 1)
    }),
  )
})
