import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellErrors } from '../../examples/experiments/over-specified/cells.ts'
import { fit } from '../../examples/experiments/over-specified/fit.ts'
import {
  answerOf,
  D,
  isUsed,
  MASS,
  OFFSET,
  ROW,
  SLOPES,
  WIDTH,
  type Mixture,
} from '../../examples/experiments/over-specified/mixture.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { graphOf } from '../support/graph.ts'
import { assertProperty } from '../support/property.ts'
import { uniform } from '../support/random.ts'

const mixtures = fc.record<Mixture>({
  way: fc.constantFrom('competition', 'softmax'),
  kind: fc.constantFrom('affine', 'tanh'),
  experts: fc.integer({ min: 1, max: 4 }),
})

function numbers(seed: number, length: number): Float64Array {
  const next = uniform(seed)
  return Float64Array.from({ length }, () => 2 * next() - 1)
}

const parametersOf = (mixture: Mixture, seed: number): Float64Array =>
  numbers(seed, mixture.experts * WIDTH).map((value, place) => (isUsed(mixture, place) ? value : 0))

/** The mixture as a spec: its weights are those of the parameters. */
const specOf = ({ way, kind, experts }: Mixture): string => `
expert regression(x: f32[T, D]) -> f32[T, 1] {
  param slopes: f32[1, D]
  param offset: f32[1]
  return ${kind === 'tanh' ? 'tanh(x @ slopes.T + offset)' : 'x @ slopes.T + offset'}
}
policy way(k: int in 1..E = ${experts}) {
  param mass: f32[E]
  ${way === 'softmax' ? 'param row: f32[E, D]' : ''}
  let score = mass + ${way === 'softmax' ? 'x @ row.T' : 'log(mean(softplus(experts(x))))'}
  select top k by softmax(score)
  weigh pick(softmax(score), selected)
}
model mixture(D: int = ${D}, E: int = ${experts}) {
  input x: f32[N, D]
  output y: f32[N, 1] = moe(x) {
    experts E of regression()
    route way(k = E)
  }
}`

test('a mixture answers as the spec of its policy', () => {
  for (const way of ['competition', 'softmax'] as const)
    for (const kind of ['affine', 'tanh'] as const) {
      const mixture: Mixture = { way, kind, experts: 3 }
      const [parameters, x] = [parametersOf(mixture, 3), numbers(4, 5 * D)]
      const column = (from: number, width: number, shape: readonly number[]) =>
        hostTensor(
          shape,
          'f32',
          Float64Array.from({ length: 3 * width }, (_, at) => parameters[Math.floor(at / width) * WIDTH + from + (at % width)]),
        )
      const weights = {
        'moe.experts.slopes': column(SLOPES, D, [3, 1, D]),
        'moe.experts.offset': column(OFFSET, 1, [3, 1]),
        'moe.router.mass': column(MASS, 1, [3]),
        ...(way === 'softmax' ? { 'moe.router.row': column(ROW, D, [3, D]) } : {}),
      }
      const { y } = evaluate(graphOf({ path: 'mixture.smoe', text: specOf(mixture) }), {
        inputs: { x: hostTensor([5, D], 'f32', x) },
        weights,
      })
      const answer = answerOf(mixture)
      y.values.forEach((value, at) => expect(answer(parameters, x, at * D)).toBeCloseTo(value, 12))
    }
})

test('derivatives are the limits of differences', () => {
  assertProperty(
    fc.property(mixtures, fc.integer({ min: 1, max: 999 }), (mixture, seed) => {
      const [parameters, x] = [parametersOf(mixture, seed), numbers(seed + 1000, D)]
      const derivatives = new Float64Array(parameters.length)
      const answer = answerOf(mixture)
      answer(parameters, x, 0, derivatives)
      parameters.forEach((value, place) => {
        if (!isUsed(mixture, place)) return expect(derivatives[place]).toBe(0)
        const moved = (by: number): number => answer(parameters.with(place, value + by), x, 0)
        expect(derivatives[place]).toBeCloseTo((moved(1e-6) - moved(-1e-6)) / 2e-6, 7)
      })
    }),
    50,
  )
})

test('a fit of answers without noise, from beside the truth, is the truth', () => {
  const mixture: Mixture = { way: 'competition', kind: 'tanh', experts: 2 }
  const [truth, x] = [parametersOf(mixture, 7), numbers(8, 400 * D).map((value) => 3 * value)]
  const answer = answerOf(mixture)
  const y = Float64Array.from({ length: 400 }, (_, at) => answer(truth, x, at * D))
  const found = fit(
    mixture,
    truth.map((value, at) => value + 0.05 * Math.sin(at)),
    { x, y },
  )
  expect(found.loss).toBeLessThan(1e-16)
  expect(cellErrors(found.parameters, truth).alone).toBeLessThan(1e-6)
})

test('a true expert split in two shares a cell without an error; one that is moved by a has the error a', () => {
  const truth = Float64Array.from([0, 0, 0, 1, 1, 1, 0, 0, 0, -1, -1, -1])
  const half = -Math.log(2)
  const twice = Float64Array.from([half, 0, 0, 1, 1, 1, half, 0, 0, 1, 1, 1, 0, 0, 0, -1, -1, -1])
  expect(cellErrors(twice, truth)).toEqual({ alone: 0, shared: 0, voronoi: expect.closeTo(0, 12) as number })
  const moved = twice.map((value, at) => (at % WIDTH === OFFSET ? value + 0.3 : value))
  const { alone, shared, voronoi } = cellErrors(moved, truth)
  expect(alone).toBeCloseTo(Math.sqrt(0.09 / 3), 12)
  expect(shared).toBeCloseTo(Math.sqrt(0.09 / 3), 12)
  expect(voronoi).toBeCloseTo(0.5 * 0.3 + 0.5 * 0.09, 12)
})
