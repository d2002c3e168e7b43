/** Which format each weight gets: of its tensors, where they have one, and by its path in checkpoints of training. */
import { expect, it } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { weightStorage } from '../../compiler/graph/weight-storage.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { withWeightFormats, type WeightFormats } from '../../compiler/passes/weight-formats.ts'
import { CPU } from '../../plan/target.ts'
import { load } from '../support/sources.ts'

const SPEC = `model m() {
  input x: f32[T, 4]
  param a: f32[6, 4]
  param b: f32[5, 6]
  param c: f32[5]
  output y: f32[T, 5] = (x @ a.T) @ b.T + c
  weights { a = "first"; b = "second".T }
}
`
const { graph } = compile({ path: 'm.smoe', text: SPEC.replace('; ', '\n    ') }, { target: CPU, load })

const formatsOf = (formats: WeightFormats): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    nodesOf(withWeightFormats(graph!, formats)).flatMap((node) =>
      node.op === 'weight' ? [[node.params.name, weightStorage(node).storage?.format]] : [],
    ),
  )

it('by the tensors of a checkpoint', () => {
  const formats = { first: 'bf16', second: 'f16', b: 'bf16' } as const
  expect(formatsOf({ kind: 'tensors', formats, isByPath: false })).toEqual({ a: 'bf16', b: 'f16', c: undefined })
  expect(formatsOf({ kind: 'tensors', formats, isByPath: true })).toEqual({ a: undefined, b: 'bf16', c: undefined })
})

it('all alike', () => {
  expect(formatsOf({ kind: 'all', format: 'f16' })).toEqual({ a: 'f16', b: 'f16', c: 'f16' })
})

it('a graph stays as it is where no weight has a format', () => {
  expect(withWeightFormats(graph!, { kind: 'tensors', formats: {}, isByPath: false })).toBe(graph)
})
