import type { Tape } from '../autodiff/rule.ts'
import type { Node } from '../graph/node.ts'
import type { Optimiser } from '../../plan/recipe.ts'
import { NONE } from '../ops/build.ts'
import {
  movingAverage,
  withWeightDecay,
  withL2Penalty,
  type UpdateOperands,
  type OptimiserRule,
  type UpdateResult,
} from './rule.ts'

interface Settings {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/** Along the mean of the gradients, over the root of the mean of their squares. */
function step(
  tape: Tape,
  { beta1, beta2, epsilon }: Settings,
  { memory: [first, second], rate, corrections }: UpdateOperands,
  from: Node,
  gradient: Node,
): UpdateResult {
  const mean = movingAverage(tape, beta1, first, gradient)
  const square = movingAverage(tape, beta2, second, tape.multiply(gradient, gradient))
  const size = tape.add(tape.multiply(tape.make('sqrt', [square], NONE), corrections[1]), tape.like(square, epsilon))
  const along = tape.divide(tape.multiply(tape.multiply(rate, corrections[0]), mean), size)
  return { weight: tape.subtract(from, along), memory: [mean, square] }
}

const FORMULA =
  'm = beta1 * m + (1 - beta1) * g, v = beta2 * v + (1 - beta2) * g^2, w = w - rate * m / (1 - beta1^n) / ((v / (1 - beta2^n))^(1/2) + epsilon)'

/** Kingma and Ba, 2015. */
export const adam: OptimiserRule<Extract<Optimiser, { readonly kind: 'adam' }>> = {
  doc: 'Each number at its own pace: along the mean of its gradients, over the root of the mean of their squares. The decay is part of the gradient.',
  formula: `g = gradient + decay * w, ${FORMULA}`,
  step: (tape, settings, moved) => step(tape, settings, moved, moved.weight, withL2Penalty(tape, moved)),
}

/** Loshchilov and Hutter, 2019. */
export const adamw: OptimiserRule<Extract<Optimiser, { readonly kind: 'adamw' }>> = {
  doc: 'Adam, with the decay taken off the weight and no part of the gradient.',
  formula: `w = w - rate * decay * w, g = gradient, ${FORMULA}`,
  step: (tape, settings, moved) => step(tape, settings, moved, withWeightDecay(tape, moved), moved.gradient),
}
