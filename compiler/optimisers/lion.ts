import type { Optimiser } from '../../plan/recipe.ts'
import { NONE } from '../ops/build.ts'
import { movingAverage, withWeightDecay, type OptimiserRule } from './rule.ts'

/** Chen et al., Symbolic Discovery of Optimization Algorithms, 2023. */
export const lion: OptimiserRule<Extract<Optimiser, { readonly kind: 'lion' }>> = {
  doc: 'A step of one size for every element, along the sign of a moving average of its gradient.',
  formula: 'w = w - rate * decay * w - rate * sign(beta1 * m + (1 - beta1) * g), m = beta2 * m + (1 - beta2) * g',
  update(make, { beta1, beta2 }, operands) {
    const [momentum] = operands.state
    const along = make('sign', [movingAverage(make, beta1, momentum, operands.gradient)], NONE)
    return {
      weight: make.subtract(withWeightDecay(make, operands), make.multiply(operands.rate, along)),
      state: [movingAverage(make, beta2, momentum, operands.gradient)],
    }
  },
}
