/** The form of an optimiser: how one weight moves, element by element. */
import type { Tape } from '../autodiff/rule.ts'
import type { Node } from '../graph/node.ts'
import type { Optimiser } from '../../plan/recipe.ts'

/** All of one shape, f32. */
export interface UpdateOperands {
  readonly weight: Node
  /** The mean over micro-batches, clipped. */
  readonly gradient: Node
  /** What the optimiser remembers of the weight, in the order of its names; 0 before the first step. */
  readonly memory: readonly Node[]
  /** The rate of this step, with the weight's own factor. */
  readonly rate: Node
  /** 1 / (1 - beta1^n) and 1 / (1 - beta2^n)^(1/2) at the n-th step. */
  readonly corrections: readonly [Node, Node]
  /** The weight's own decay. */
  readonly decay: number
}

export interface UpdateResult {
  readonly weight: Node
  readonly memory: readonly Node[]
}

export interface OptimiserRule<O extends Optimiser> {
  readonly doc: string
  readonly formula: string
  readonly step: (tape: Tape, optimiser: O, moved: UpdateOperands) => UpdateResult
}

export type OptimiserRules = { readonly [K in Optimiser['kind']]: OptimiserRule<Extract<Optimiser, { readonly kind: K }>> }

/** keep * old + (1 - keep) * new. */
export const movingAverage = (tape: Tape, keep: number, old: Node, next: Node): Node =>
  tape.add(tape.times(old, keep), tape.times(next, 1 - keep))

/** The gradient of the loss and of decay / 2 times the square of the weight. */
export const withL2Penalty = (tape: Tape, { weight, gradient, decay }: UpdateOperands): Node =>
  decay === 0 ? gradient : tape.add(gradient, tape.times(weight, decay))

/** The weight, smaller by rate * decay of itself. */
export const withWeightDecay = (tape: Tape, { weight, rate, decay }: UpdateOperands): Node =>
  decay === 0 ? weight : tape.subtract(weight, tape.multiply(tape.times(rate, decay), weight))
