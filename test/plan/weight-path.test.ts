import { expect, test } from 'vitest'
import { transposedName, weightPath, weightsByPath } from '../../plan/weight-path.ts'
import { planOf, RENAMED, TINY } from '../bindings/tiny.ts'

test('a transposed weight has the path of the weight', () => {
  expect([weightPath('embed'), weightPath(transposedName('layers.0.q'))]).toEqual(['embed', 'layers.0.q'])
})

const piecesOf = (plan: ReturnType<typeof planOf>): unknown =>
  plan.weights.map(({ name, stacked, pieces }) => ({ name, stacked, pieces }))

test('by path, weights with and without names of their own are read alike', () => {
  const plan = planOf(TINY)
  expect(weightsByPath(plan)).toEqual(plan)
  expect(piecesOf(planOf(RENAMED))).not.toEqual(piecesOf(plan))
  expect(piecesOf(weightsByPath(planOf(RENAMED)))).toEqual(piecesOf(plan))
})

test('what is in no checkpoint still begins as zeros', () => {
  const plan = planOf(TINY)
  const none = { ...plan, weights: plan.weights.map((weight) => ({ ...weight, pieces: [] })) }
  expect(weightsByPath(none)).toEqual(none)
})
