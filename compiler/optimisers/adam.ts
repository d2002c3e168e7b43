import type { Maker } from '../ops/maker.ts'
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

/** Along the first moment of the gradient, over the root of the second. */
function adamUpdate(
  make: Maker,
  { beta1, beta2, epsilon }: Settings,
  { state: [first, second], rate, biasCorrections }: UpdateOperands,
  from: Node,
  gradient: Node,
): UpdateResult {
  const mean = movingAverage(make, beta1, first, gradient)
  const square = movingAverage(make, beta2, second, make.multiply(gradient, gradient))
  const size = make.add(make.multiply(make('sqrt', [square], NONE), biasCorrections[1]), make.like(square, epsilon))
  const along = make.divide(make.multiply(make.multiply(rate, biasCorrections[0]), mean), size)
  return { weight: make.subtract(from, along), state: [mean, square] }
}

const FORMULA =
  'm = beta1 * m + (1 - beta1) * g, v = beta2 * v + (1 - beta2) * g^2, w = w - rate * m / (1 - beta1^n) / ((v / (1 - beta2^n))^(1/2) + epsilon)'

/** Kingma and Ba, 2015. */
export const adam: OptimiserRule<Extract<Optimiser, { readonly kind: 'adam' }>> = {
  doc: 'Along the first moment of the gradient, over the root of the second, bias-corrected. Weight decay is an L2 penalty in the gradient.',
  formula: `g = gradient + decay * w, ${FORMULA}`,
  update: (make, settings, operands) => adamUpdate(make, settings, operands, operands.weight, withL2Penalty(make, operands)),
}

/** Loshchilov and Hutter, 2019. */
export const adamw: OptimiserRule<Extract<Optimiser, { readonly kind: 'adamw' }>> = {
  doc: 'Adam with decoupled weight decay.',
  formula: `w = w - rate * decay * w, g = gradient, ${FORMULA}`,
  update: (make, settings, operands) => adamUpdate(make, settings, operands, withWeightDecay(make, operands), operands.gradient),
}
