/** Sums of a gang whose terms are rows of memory for each thread, and those whose terms are rows for each term. */
import { expect, it } from 'vitest'
import { createRandom, normal } from '../../../cli/random.ts'
import { parseKernel } from '../../../compiler/kernel/ir/parse.ts'
import { chain, F32 } from '../../../compiler/reference/precision.ts'
import { createWasmKernel } from '../../support/wasm-kernel.ts'

const ROWS = 10
const kernel = (k: number, index: string): string => `kernel "sums" template "rows"
read @x: f32[${ROWS * k}]
read @w: f32[${k}]
read_write @y: f32[${ROWS}]
workgroups [3] of 4
body {
  let row = workgroup * 4u + thread
  if row < ${ROWS}u {
    @y[row] = sum[r < ${k}u](@x[${index}] * @w[r])
  }
}`

it.each([1, 3, 4, 7, 64, 101])('%d terms', (k) => {
  const next = createRandom(k)
  const floats = (count: number): readonly number[] => Array.from({ length: count }, () => Math.fround(normal(next, 1)))
  const [x, w] = [floats(ROWS * k), floats(k)]
  for (const [index, at] of [
    [`row * ${k}u + r`, (row: number, r: number) => row * k + r],
    [`r * ${ROWS}u + row`, (row: number, r: number) => r * ROWS + row],
  ] as const) {
    const made = createWasmKernel(parseKernel(kernel(k, index)), {})
    made.write('x', x)
    made.write('w', w)
    made.run()
    made.read('y').forEach((value, row) => {
      const terms = w.map((factor, r) => factor * x[at(row, r)])
      const size = terms.reduce((sum, term) => sum + Math.abs(term), 0)
      const error = Math.abs(value - terms.reduce((sum, term) => sum + term, 0))
      expect(error).toBeLessThanOrEqual(size * chain(k + 2, F32))
    })
  }
})
