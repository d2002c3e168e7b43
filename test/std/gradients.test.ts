/** Gradients of blocks that no policy test covers, for their input, beside differences. */
import { expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { checkSource, framed } from '../support/check.ts'
import { differences, missOf, tensorOf } from '../support/gradients.ts'
import { weightsOf } from '../support/weights.ts'

const D = 3
const F = 2

function graphOf(expression: string): Graph {
  const text = `import { geglu_mlp } from "std/blocks/mlp"

model gradients(D: int = ${D}) {
  input x: f32[B, S, D]
  output loss = sum(sum(sum(${expression})))
}
`
  const { model, diagnostics } = checkSource({ path: 'test/std/gradients.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  const graph = lower(model)
  const role = { kind: 'loss', path: '', term: 'sum' } as const
  return { ...graph, outputs: graph.outputs.map((output) => ({ ...output, name: 'loss.sum', role })) }
}

const matrix = (rows: number, columns: number, phase: number) =>
  tensorOf('f32', [rows, columns], (at) => Math.sin(phase + 2 * at))

const tensors = { 'mlp.gate': matrix(F, D, 1), 'mlp.up': matrix(F, D, 2), 'mlp.down': matrix(D, F, 3) }

test.each([['tanh'], ['exact']])('geglu_mlp with %s gelu', (kind) => {
  const graph = graphOf(`geglu_mlp(x, F = ${F}, tanh = ${kind === 'tanh'}) as mlp`)
  const x = tensorOf('f32', [1, 2, D], (at) => Math.cos(5 * at))
  const found = differences(graph, { x }, 1e-3, weightsOf(graph, tensors))
  expect(found.length).toBe(2 * D)
  for (const one of found) expect(missOf(one), `element ${one.element}`).toBeLessThan(1e-8)
})
