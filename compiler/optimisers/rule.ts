/** The form of an optimizer: how one weight is updated, element by element. */
import type { Maker } from '../ops/maker.ts'
import type { Node } from '../graph/node.ts'
import type { Optimiser } from '../../plan/recipe.ts'

/** All of one shape, f32. */
export interface UpdateOperands {
  readonly weight: Node
  /** The mean over micro-batches, clipped. */
  readonly gradient: Node
  /** The optimizer state of the weight, in the order of `optimizerStates`; 0 before the first update. */
  readonly state: readonly Node[]
  /** The learning rate of this step, with the factor of the weight. */
  readonly rate: Node
  /** Bias corrections of the moments: 1 / (1 - beta1^n) and 1 / (1 - beta2^n)^(1/2) at the n-th update. */
  readonly biasCorrections: readonly [Node, Node]
  /** The weight decay of this weight. */
  readonly decay: number
}

export interface UpdateResult {
  readonly weight: Node
  readonly state: readonly Node[]
}

export interface OptimiserRule<O extends Optimiser> {
  readonly doc: string
  readonly formula: string
  readonly update: (make: Maker, optimiser: O, operands: UpdateOperands) => UpdateResult
}

export type OptimiserRules = { readonly [K in Optimiser['kind']]: OptimiserRule<Extract<Optimiser, { readonly kind: K }>> }

/** Exponential moving average: keep * old + (1 - keep) * new. */
export const movingAverage = (make: Maker, keep: number, old: Node, next: Node): Node =>
  make.add(make.times(old, keep), make.times(next, 1 - keep))

/** The gradient of the loss with an L2 penalty, decay / 2 times the square of the weight. */
export const withL2Penalty = (make: Maker, { weight, gradient, decay }: UpdateOperands): Node =>
  decay === 0 ? gradient : make.add(gradient, make.times(weight, decay))

/** Decoupled weight decay: weight - rate * decay * weight. */
export const withWeightDecay = (make: Maker, { weight, rate, decay }: UpdateOperands): Node =>
  decay === 0 ? weight : make.subtract(weight, make.multiply(make.times(rate, decay), weight))
