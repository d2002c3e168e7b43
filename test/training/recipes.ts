/** Recipes of small runs. */
import { RECIPE_VERSION, type Recipe, type RoutedLayer } from '../../plan/recipe.ts'

export const routed = (layer: string, more: Partial<RoutedLayer> = {}): RoutedLayer => ({
  layer,
  experts: 4,
  competition: null,
  selected: `${layer}.selected`,
  weights: `${layer}.weights`,
  balancedBias: null,
  ...more,
})

/** A language model of 12 characters in windows of 4, two a micro-batch. */
export const recipeOf = (more: Partial<Recipe> = {}): Recipe => ({
  version: RECIPE_VERSION,
  model: 'tiny',
  program: '0f1e2d3c',
  weights: [
    { name: 'embed', shape: [12, 3], initialiser: { kind: 'normal', deviation: 0.02 }, fanIn: 3, rate: 1, decay: 0.1 },
    { name: 'gain', shape: [3], initialiser: { kind: 'ones' }, fanIn: 3, rate: 1, decay: 0 },
  ],
  optimiser: { kind: 'sgd', rate: 0.1, momentum: 0.9, nesterov: false, decay: 0 },
  schedule: { kind: 'cosine', warmup: 2, final: 0.1 },
  clip: 1,
  accumulate: 2,
  batch: { B: 2, S: 4 },
  steps: 6,
  seed: 5,
  inputs: [
    { name: 'tokens', dtype: 'i32', shape: [2, 4], below: 12 },
    { name: 'targets', dtype: 'i32', shape: [2, 4], below: 12 },
  ],
  losses: ['loss.cross_entropy', 'loss.balance'],
  metrics: ['metric.accuracy'],
  layers: [routed('layers.0/moe'), routed('layers.1/moe')],
  isRandom: false,
  precision: 'f32',
  ...more,
})
