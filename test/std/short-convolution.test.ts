/** Causal convolutions of one tap and of several, beside their definition. */
import { expect, test } from 'vitest'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { graphOf } from '../support/graph.ts'

const [B, S, D] = [2, 5, 3]
const tensor = (shape: readonly number[]) => ({
  dtype: 'f32' as const,
  shape,
  values: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => Math.sin(1 + at)),
})

test.each([1, 2, 4])('%i taps', (taps) => {
  const text = `import { causal_convolution } from "std/blocks/short_convolution"
model m(D: int = ${D}, K: int = ${taps}) {
  input x: f32[B, S, D]
  param kernel: f32[D, K]
  output y = causal_convolution(x, kernel)
}
`
  const [x, kernel] = [tensor([B, S, D]), tensor([D, taps])]
  const { y } = evaluate(graphOf({ path: 'm.smoe', text }), { inputs: { x }, weights: { kernel } })
  const wanted = Array.from(x.values, (_, at) => {
    const [d, s] = [at % D, Math.floor(at / D) % S]
    const terms = Array.from(
      { length: Math.min(taps, s + 1) },
      (_, back) => x.values[at - back * D] * kernel.values[d * taps + taps - 1 - back],
    )
    return terms.reduce((a, b) => a + b, 0)
  })
  expect(y.shape).toEqual([B, S, D])
  for (const [at, value] of wanted.entries()) expect(y.values[at]).toBeCloseTo(value, 12)
})
