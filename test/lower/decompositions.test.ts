/** Singular values and vectors in the language. */
import { describe, expect, test } from 'vitest'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { relativeError } from '../support/compare.ts'
import { checkSource, framed } from '../support/check.ts'
import { graphOf } from '../support/graph.ts'
import { batchOf } from '../support/svd.ts'
import { normal } from '../support/matrices.ts'

const spec = (body: string): { path: string; text: string } => ({
  path: 'test/lower/spec.smoe',
  text: `model m(D: int = 4, F: int = 3, E: int = 2, c: int = 2) {\n${body}\n}\n`,
})

describe('svd_values, svd_left and svd_right', () => {
  test.each([
    ['E, D, F', 4, 3],
    ['E, F, D', 3, 4],
  ])('give the matrices of f32[%s] back from one decomposition', (shape, rows, columns) => {
    const { path, text } = spec(
      `  input a: f32[${shape}]\n  output y = einsum("e k m, e k, e k n -> e m n", svd_left(a), svd_values(a), svd_right(a))`,
    )
    const graph = graphOf({ path, text })
    expect(nodesOf(graph).filter(({ op }) => op === 'svd').length).toBe(1)
    const a = batchOf([normal(rows, columns, 1), normal(rows, columns, 2)])
    const { y } = evaluate(graph, { inputs: { a }, weights: {} })
    expect(y.shape).toEqual(a.shape)
    expect(relativeError(y.values, a.values)).toBeLessThan(1e-12)
  })

  test('of sizes that differ by name alone, and in a function of any matrix', () => {
    const source = spec(
      `  input x: f32[T, D]\n  param w: f32[E, F, D]\n  let v = svd_right(w)\n  output y = sum(abs(einsum("t d, e k d -> t e k", x, v)), axis = -1)`,
    )
    expect(framed(checkSource(source).diagnostics)).toBe('')
    const [output] = graphOf(source).outputs
    expect(output.node.shape.map(({ key }) => key)).toEqual(['T', '2'])
    expect(
      framed(
        checkSource({ path: source.path, text: 'fn spread(a: f32[..., M, N]) -> f32[...] {\n  return max(svd_values(a))\n}\n' })
          .diagnostics,
      ),
    ).toBe('')
  })

  test.each([
    ['x: f32[D]', 'svd_values(x)', 'a matrix has 2 axes or more, not [D]'],
    ['x: i32[D, F]', 'svd_left(x)', 'the matrix is f32, not i32'],
  ])('refuse %s', (input, call, message) => {
    const { diagnostics } = checkSource(spec(`  input ${input}\n  output y = ${call}`))
    expect(diagnostics.length).toBe(1)
    expect(diagnostics[0].message).toContain(message)
  })
})
