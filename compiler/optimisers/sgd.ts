import type { Optimiser } from '../../plan/recipe.ts'
import { withL2Penalty, type OptimiserRule } from './rule.ts'

/** Against the gradient, with momentum (Sutskever et al., 2013). */
export const sgd: OptimiserRule<Extract<Optimiser, { readonly kind: 'sgd' }>> = {
  doc: 'Against the gradient; with momentum against the sum of all gradients so far, each older one counting less; nesterov looks a step ahead.',
  formula: 'g = gradient + decay * w, m = momentum * m + g, w = w - rate * m, or w - rate * (g + momentum * m)',
  step(tape, { momentum, nesterov }, moved) {
    const gradient = withL2Penalty(tape, moved)
    const next = momentum === 0 ? gradient : tape.add(tape.times(moved.memory[0], momentum), gradient)
    const along = nesterov && momentum !== 0 ? tape.add(gradient, tape.times(next, momentum)) : next
    return { weight: tape.subtract(moved.weight, tape.multiply(moved.rate, along)), memory: momentum === 0 ? [] : [next] }
  },
}
