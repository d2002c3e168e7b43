/** Parameters and operations of a graph. */
import { expect, test } from 'vitest'
import { countOperations } from '../../../analysis/plan/operations.ts'
import { countParameters } from '../../../analysis/plan/parameters.ts'
import { compile } from '../../../compiler/compile.ts'
import type { Graph } from '../../../compiler/graph/node.ts'
import { CPU } from '../../../plan/target.ts'
import { LAYER } from '../../cli/harness.ts'
import { load } from '../../support/sources.ts'

const graphOf = (text: string): Graph => compile({ path: 'm.smoe', text }, { target: CPU, load }).graph!

test('a bank of experts is active by the share that a token goes to, a router whole', () => {
  const [D, F, E, k] = [8, 12, 4, 2]
  const found = countParameters(graphOf(LAYER), 10, { T: 10 })
  expect(found).toEqual({ all: E * D + E * 3 * D * F, active: E * D + k * 3 * D * F })
})

test('matmuls are two operations a term, each expert by the rows that it gets', () => {
  const [D, F, E, k, T] = [8, 12, 4, 2, 10]
  const { matmuls, others } = countOperations(graphOf(LAYER), { T })
  expect(matmuls).toBe(2 * T * (E * D + k * 3 * D * F))
  expect(others).toBeGreaterThan(T * E)
})

test('what depends on weights alone is not of a run', () => {
  const text =
    'model m(D: int = 8) {\n  input x: f32[T, D]\n  param a: f32[D, D]\n  param b: f32[D, D]\n  output y: f32[T, D] = x @ (a @ b)\n}\n'
  expect(countOperations(graphOf(text), { T: 3 }).matmuls).toBe(2 * 3 * 8 * 8)
})
