/** What policies with sigmoid scores promise where all selected scores are near 0: weights that sum to less, and no NaN. */
import { describe, expect, it } from 'vitest'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'
import { feedsOf } from '../support/random.ts'
import { graphOf, type Layer } from './layer.ts'

const layers: readonly Layer[] = [
  { file: 'sigmoid_top_k', route: 'sigmoid_top_k(k = 2, renormalise = true, scale = 1.0)' },
  { file: 'deepseek_v3', route: 'deepseek_v3(k = 2, groups = 4, keep = 2, renormalise = true, scale = 1.0)' },
]

/** Tokens of ones and a gate that makes every logit this number. */
function withLogit(feeds: Feeds, logit: number): Feeds {
  const gate = Object.keys(feeds.weights).find((name) => name.endsWith('.gate') && name.includes('router'))!
  const { shape, values } = feeds.weights[gate]
  return {
    weights: { ...feeds.weights, [gate]: { ...feeds.weights[gate], values: values.map(() => logit / shape[1]) } },
    inputs: { ...feeds.inputs, x: { ...feeds.inputs['x'], values: feeds.inputs['x'].values.map(() => 1) } },
  }
}

describe.each(layers)('$file', (layer) => {
  const graph = graphOf(layer)
  it.each([
    [0, 1, 1],
    [-30, 1, 1],
    [-40, 0.98, 1],
    [-48, 0.01, 0.99],
    [-80, 0, 1e-10],
    [-2000, 0, 0],
  ])('with logits of %d a token has weights of a sum from %d to %d', (logit, least, most) => {
    const outputs = evaluate(graph, withLogit(feedsOf(graph, { B: 1, S: 3 }, { seed: 1, vocabulary: 40 }), logit))
    const { values } = outputs['moe.weights']
    for (let token = 0; token < 3; token++) {
      const sum = values[2 * token] + values[2 * token + 1]
      expect(sum).toBeGreaterThanOrEqual(least - 1e-6)
      expect(sum).toBeLessThanOrEqual(most + 1e-6)
    }
    expect([...outputs['y'].values].every(Number.isFinite)).toBe(true)
  })
})
