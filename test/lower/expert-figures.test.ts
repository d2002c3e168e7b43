/** Norms and similarities of expert outputs, and the change of the hidden state, beside the decisions of the router. */
import { describe, expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'

const HEAD = `import { clamped_swiglu } from "std/experts/clamped_swiglu"
import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"
`

/** What a spec gives for 12 rows, with every figure of its experts. */
function evaluated(text: string): ReturnType<typeof evaluate> {
  const { model, diagnostics } = checkSource({ path: 'figures.smoe', text: `${HEAD}\n${text}` })
  if (model === null) throw new Error(framed(diagnostics))
  const graph = lower(model, { routes: true, norms: true, change: true, similarity: true })
  return evaluate(graph, feedsOf(graph, { T: 12 }, { seed: 5 }))
}

const layer = (clause: string, k = 1, expert = 'swiglu'): string => `model layer(D: int = 4, E: int = 3) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts E of ${expert}(F = 5)
    route top_k(k = ${k})
    ${clause}
  }
}
`

/** Row `t` of a tensor of 12 rows. */
const row = ({ values }: { readonly values: ArrayLike<number> }, t: number): readonly number[] => {
  const width = values.length / 12
  return Array.from({ length: width }, (_, at) => values[t * width + at])
}

describe('norms', () => {
  // with one expert a token, whose weight is 1, the layer gives the expert's output
  test.each(['require dropless', 'require capacity 0.5 overflow drop'])('with %s', (clause) => {
    const outputs = evaluated(layer(clause))
    expect(outputs['moe.norms'].shape).toEqual([12, 1])
    const wanted = Array.from({ length: 12 }, (_, t) => Math.hypot(...row(outputs.y, t)))
    outputs['moe.norms'].values.forEach((norm, t) => expect(norm).toBeCloseTo(wanted[t], 10))
    expect(wanted.includes(0)).toBe(clause.includes('drop') && !clause.includes('dropless'))
  })

  test('are 0 for a dropped assignment, though an expert with biases gives something for every row', () => {
    const outputs = evaluated(layer('require capacity 0.5 overflow drop', 1, 'clamped_swiglu'))
    const dropped = [...outputs['moe.selected'].values.keys()].filter((t) => outputs['moe.selected'].values[t] < 0)
    expect(dropped.length).toBeGreaterThan(0)
    for (const t of dropped) expect(outputs['moe.norms'].values[t]).toBe(0)
  })
})

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, at) => sum + value * b[at], 0)
const cosine = (a: readonly number[], b: readonly number[]): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

describe('similarity', () => {
  // the sum of three outputs of one expert is three times it
  test('is 1 where all experts are one, and 0 where a token has less than two', () => {
    const one = `expert same(x: f32[T, D]) -> f32[T, D] { return 2.0 * x }`
    const outputs = evaluated(`${one}\n${layer('require dropless', 3).replace('swiglu(F = 5)', 'same()')}`)
    outputs['moe.similarity'].values.forEach((value) => expect(value).toBeCloseTo(1, 10))
    evaluated(layer('require dropless', 1))['moe.similarity'].values.forEach((value) => expect(value).toBe(0))
  })

  test('of two experts is the cosine of their outputs, and a dropped one is no pair', () => {
    const outputs = evaluated(layer('require capacity 0.8 overflow drop', 2, 'clamped_swiglu'))
    const [norms, weights] = [outputs['moe.norms'], outputs['moe.weights']]
    let [pairs, alone] = [0, 0]
    for (let t = 0; t < 12; t++) {
      const [similarity, [a, b], [g, h]] = [outputs['moe.similarity'].values[t], row(norms, t), row(weights, t)]
      if (a === 0 || b === 0) {
        expect(similarity).toBe(0)
        alone++
        continue
      }
      // |g a + h b|^2 = g^2 |a|^2 + h^2 |b|^2 + 2 g h |a| |b| cos
      const y = row(outputs.y, t)
      expect(similarity).toBeCloseTo((dot(y, y) - (g * a) ** 2 - (h * b) ** 2) / (2 * g * h * a * b), 8)
      pairs++
    }
    expect(Math.min(pairs, alone)).toBeGreaterThan(0)
  })
})

/** A layer with a residual connection; `after` is in the terms of `h`, of the routed sum, and of the terms beside it. */
const residual = (after: string): string => `model layer(D: int = 4, E: int = 3) {
  input x: f32[T, D]
  param bias: f32[D]
  let h = 3.0 * x
  let routed = moe(rms_norm(h, eps = 0.001) as norm) {
    experts E of swiglu(F = 5)
    shared 1 of swiglu(F = 2)
    route top_k(k = 2)
    require dropless
  }
  output before: f32[T, D] = 1.0 * h
  output y: f32[T, D] = 1.0 * (${after})
}
`

const ALONE = 'h + routed'

/** The spec without the shared expert: what `change` measures in all of them. */
const routedAlone = (after: string): string => residual(after).replace('    shared 1 of swiglu(F = 2)\n', '')

describe('change', () => {
  test.each([ALONE, 'routed + h', 'h + 0.5 * routed / 2.0'])('of after = %s is 1 - the cosine of both hidden states', (after) => {
    const outputs = evaluated(routedAlone(after))
    for (let t = 0; t < 12; t++)
      expect(outputs['moe.change'].values[t]).toBeCloseTo(1 - cosine(row(outputs.before, t), row(outputs.y, t)), 10)
  })

  test('is that of the routed experts alone, without shared ones and biases', () => {
    const wanted = evaluated(routedAlone(ALONE))['moe.change'].values
    for (const text of [residual(ALONE), residual('h + (routed + bias)'), routedAlone('h + routed + bias')])
      expect(evaluated(text)['moe.change'].values).toEqual(wanted)
  })

  test.each([
    'h + rms_norm(routed) as other',
    'routed',
    'h + routed * routed',
    'h + 1.0 / routed',
    'h + routed + sigmoid(routed)',
  ])('of after = %s is not defined', (after) => {
    expect(Object.keys(evaluated(routedAlone(after)))).not.toContain('moe.change')
  })
})
