import type { Optimiser } from '../../plan/recipe.ts'
import { NONE } from '../ops/build.ts'
import { movingAverage, withWeightDecay, type OptimiserRule } from './rule.ts'

/** Chen et al., Symbolic Discovery of Optimization Algorithms, 2023. */
export const lion: OptimiserRule<Extract<Optimiser, { readonly kind: 'lion' }>> = {
  doc: 'A step of one size for every number, along the sign of a mean of its gradients.',
  formula: 'w = w - rate * decay * w - rate * sign(beta1 * m + (1 - beta1) * g), m = beta2 * m + (1 - beta2) * g',
  step(tape, { beta1, beta2 }, moved) {
    const [momentum] = moved.memory
    const along = tape.make('sign', [movingAverage(tape, beta1, momentum, moved.gradient)], NONE)
    return {
      weight: tape.subtract(withWeightDecay(tape, moved), tape.multiply(moved.rate, along)),
      memory: [movingAverage(tape, beta2, momentum, moved.gradient)],
    }
  },
}
