/** The norm of each chosen expert's output, beside the decisions of the router. */
import { expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'

const spec = (clause: string): string => `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model layer(D: int = 4, E: int = 3) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts E of swiglu(F = 5)
    route top_k(k = 1)
    ${clause}
  }
}
`

/** With one expert a token, whose weight is 1, the layer gives the expert's output. */
function norms(clause: string): { readonly found: readonly number[]; readonly wanted: readonly number[] } {
  const { model, diagnostics } = checkSource({ path: 'norms.smoe', text: spec(clause) })
  if (model === null) throw new Error(framed(diagnostics))
  const graph = lower(model, { routes: true, norms: true })
  const outputs = evaluate(graph, feedsOf(graph, { T: 12 }, { seed: 5 }))
  const { y } = outputs
  const wanted = Array.from({ length: 12 }, (_, t) => Math.hypot(...y.values.subarray(t * 4, t * 4 + 4)))
  expect(outputs['moe.norms'].shape).toEqual([12, 1])
  return { found: [...outputs['moe.norms'].values], wanted }
}

test.each(['require dropless', 'require capacity 0.5 overflow drop'])('with %s', (clause) => {
  const { found, wanted } = norms(clause)
  found.forEach((norm, t) => expect(norm).toBeCloseTo(wanted[t], 10))
  expect(wanted.includes(0)).toBe(clause.includes('drop') && !clause.includes('dropless'))
})
