import type { Optimiser } from '../../plan/recipe.ts'
import { withL2Penalty, type OptimiserRule } from './rule.ts'

/** Against the gradient, with momentum (Sutskever et al., 2013). */
export const sgd: OptimiserRule<Extract<Optimiser, { readonly kind: 'sgd' }>> = {
  doc: 'Against the gradient; with momentum against the sum of all gradients so far, each older one counting less; nesterov looks a step ahead.',
  formula: 'g = gradient + decay * w, m = momentum * m + g, w = w - rate * m, or w - rate * (g + momentum * m)',
  update(make, { momentum, nesterov }, operands) {
    const gradient = withL2Penalty(make, operands)
    const next = momentum === 0 ? gradient : make.add(make.times(operands.state[0], momentum), gradient)
    const along = nesterov && momentum !== 0 ? make.add(gradient, make.times(next, momentum)) : next
    return { weight: make.subtract(operands.weight, make.multiply(operands.rate, along)), state: momentum === 0 ? [] : [next] }
  },
}
