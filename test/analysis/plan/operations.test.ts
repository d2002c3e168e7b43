import { expect, it } from 'vitest'
import { countOperations } from '../../../analysis/plan/operations.ts'
import { dim } from '../../../plan/dim.ts'
import type { Graph, Node } from '../../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN } from '../../../compiler/ops/build.ts'

const CASES = [-3, -1, 0, 1, 4, 9, Infinity]

/** Attention of one head of width 1, whose products are 2 a pair. */
function attention(S: number, T: number, before: number, after: number): Graph {
  const builder = createBuilder()
  const input = (name: string, shape: readonly number[]): Node =>
    builder.make('input', [], { name, dtype: 'f32', shape: shape.map(dim) }, NO_ORIGIN) as Node
  const operands = [input('q', [1, S, 1, 1, 1]), input('k', [1, T, 1, 1]), input('v', [1, T, 1, 1])]
  const node = builder.make('attention', operands, { scale: 1, cap: 0, before, after }, NO_ORIGIN) as Node
  return { name: 'a', doc: '', dims: [], inputs: operands as Graph['inputs'], outputs: [{ name: 'y', node, doc: '' }], docs: {} }
}

it('attention multiplies for each pair in its band', () => {
  for (const [S, T] of [
    [5, 5],
    [3, 7],
    [7, 3],
  ])
    for (const before of CASES)
      for (const after of CASES) {
        const pairs = Array.from({ length: S * T }, (_, at) => [Math.floor(at / T), at % T]).filter(
          ([s, t]) => s - before <= t && t <= s + after,
        )
        expect(countOperations(attention(S, T, before, after), {}).matmuls, `${S} ${T} ${before} ${after}`).toBe(4 * pairs.length)
      }
})
