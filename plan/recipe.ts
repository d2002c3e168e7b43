/**
 * The recipe of a training run, as the spec declares it: plain JSON, all that the training loop knows of a model beside its
 * plans.
 */
import type { Adapter } from './adapters.ts'
import type { Formula } from './formula.ts'
import type { StorageType } from './plan.ts'

export const RECIPE_VERSION = 2

export interface Recipe {
  readonly version: typeof RECIPE_VERSION
  readonly model: string
  /** Identifies what the model computes, beside its name: a checksum of the graphs of its forward pass. */
  readonly program: string
  /** Every weight that a run has, in the order of the model; those that are not learned have the rate 0. */
  readonly weights: readonly RecipeWeight[]
  /** The low-rank pairs among them, by the frozen weight beside which each stands; absent without any. */
  readonly adapters?: readonly Adapter[]
  readonly optimiser: Optimiser
  /** Factor on the rate at each step. */
  readonly schedule: RateSchedule
  /** Largest global norm of the gradients of a step; null for any. */
  readonly clip: number | null
  /** Micro-batches a step; their gradients are averaged. */
  readonly accumulate: number
  /** Sizes of the open dims in a micro-batch. */
  readonly batch: Readonly<Record<string, number>>
  readonly steps: number
  readonly seed: number
  /** What a batch feeds; shapes hold the batch's sizes. */
  readonly inputs: readonly RecipeInput[]
  /**
   * Names of the outputs that are summed to the objective, `loss.` in front; then those that are only reported, `metric.` in
   * front.
   */
  readonly losses: readonly string[]
  readonly metrics: readonly string[]
  /** In the order of the run. */
  readonly layers: readonly RoutedLayer[]
  /** Whether the step's plans take the input `random`, i32 [2]: the seed and the number of the step. */
  readonly isRandom: boolean
  readonly precision: Precision
}

/**
 * Storage types of a training step: all values as f32; or `mixed`, with operands and results of matrix products as f16, and
 * weights, their gradients and all of routing as f32.
 */
export type Precision = 'f32' | 'mixed'

export interface RecipeInput {
  readonly name: string
  readonly dtype: StorageType
  readonly shape: readonly number[]
  /** Where the values choose rows: each is from 0 up to this, itself excluded. */
  readonly below: number | null
  /** A value that is allowed besides: nothing is chosen by it. */
  readonly ignored?: number
}

export interface RecipeWeight {
  /** Its path in the model. */
  readonly name: string
  readonly shape: readonly number[]
  readonly initialiser: Initialiser
  /** Numbers that one output depends on: the last axis; of a bank, that of one expert. */
  readonly fanIn: number
  /** Factor on the rate; 0 for a weight that stays as it is. */
  readonly rate: number
  /** Weight decay, in full: the optimiser's where the weight has it, else its group's. */
  readonly decay: number
  /** What a frozen weight is stored as on a device, which holds all its numbers; f32 where it is absent. */
  readonly format?: 'bf16' | 'f16'
}

export type Initialiser =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  /** From -bound to bound. */
  | { readonly kind: 'uniform'; readonly bound: number }
  /** Normal, of deviation gain / sqrt(fan in). */
  | { readonly kind: 'fan'; readonly gain: number }
  /** The last two axes as a matrix of orthonormal rows or columns, times gain. Saxe et al., 2014. */
  | { readonly kind: 'orthogonal'; readonly gain: number }

export type Optimiser =
  /** Sutskever et al., 2013. */
  | { readonly kind: 'sgd'; readonly rate: number; readonly momentum: number; readonly nesterov: boolean; readonly decay: number }
  /** Kingma and Ba, 2015: the decay is part of the gradient. */
  | {
      readonly kind: 'adam'
      readonly rate: number
      readonly beta1: number
      readonly beta2: number
      readonly epsilon: number
      readonly decay: number
    }
  /** Loshchilov and Hutter, 2019: the decay is apart from the gradient. */
  | {
      readonly kind: 'adamw'
      readonly rate: number
      readonly beta1: number
      readonly beta2: number
      readonly epsilon: number
      readonly decay: number
    }
  /** Chen et al., 2023. */
  | { readonly kind: 'lion'; readonly rate: number; readonly beta1: number; readonly beta2: number; readonly decay: number }

/** Rises linearly over `warmup` steps; then to `final` at the last step. */
export type RateSchedule =
  | { readonly kind: 'constant'; readonly warmup: number }
  | { readonly kind: 'linear'; readonly warmup: number; readonly final: number }
  | { readonly kind: 'cosine'; readonly warmup: number; readonly final: number }

export interface RoutedLayer {
  /** The instance of its moe: `layers.0/moe`. */
  readonly layer: string
  readonly experts: number
  /** The first block of its policy that runs in some steps only; null if the policy has none. */
  readonly competition: CompetitionStep | null
  /** The other blocks of that kind, in source order; absent if there are none. */
  readonly further?: readonly CompetitionStep[]
  /** Names of the outputs of its decisions: i32 [T, K] and f32 [T, K]. */
  readonly selected: string
  readonly weights: string
  /**
   * `bias balanced at RATE`: the weight that is moved after each step, by this much against the sign of the load; null without.
   */
  readonly balancedBias: { readonly weight: string; readonly rate: number } | null
  /** Percent, of `balanced within P%`; absent where the layer does not require it. */
  readonly within?: number
}

/** `when training at rate after warmup, at_most layers a step`: the steps in which it runs are drawn before the first step. */
export interface CompetitionStep {
  /** Probability in a step, 0 to 1; a formula where it changes over the run. */
  readonly rate: Formula
  /** Fraction of the run before the first step in which it may run. */
  readonly after: number
  /** The maximum number of layers in which it may run in one step; null for no limit. */
  readonly atMost: number | null
  /** All layers share one draw per step; absent if each layer draws independently. */
  readonly together?: true
}

/** The name of a layer's competition, from its index in the policy: the first has the name of the layer. */
export const competitionName = (layer: string, at: number): string => (at === 0 ? layer : `${layer}#${at + 1}`)

export interface NamedCompetitionStep {
  readonly name: string
  /** Its index among the competition steps of its policy. */
  readonly at: number
  readonly competition: CompetitionStep
}

export const competitionStepsOf = ({
  layer,
  competition,
  further = [],
}: Pick<RoutedLayer, 'layer' | 'competition' | 'further'>): readonly NamedCompetitionStep[] =>
  (competition === null ? [] : [competition, ...further]).map((one, at) => ({
    name: competitionName(layer, at),
    at,
    competition: one,
  }))

type Fields = Readonly<Record<string, unknown>>

/** A layer of a recipe of version 1, where a competition step was called a contest. */
const upgradeLayer = ({ contest, ...layer }: Fields): Fields => ({ ...layer, competition: contest })

/** A recipe of this version or of version 1, as one of this version: checkpoints of training hold the recipe of their run. */
export function upgradeRecipe(recipe: Fields): Recipe {
  const upgraded =
    recipe.version === 1
      ? { ...recipe, version: RECIPE_VERSION, layers: (recipe.layers as readonly Fields[]).map(upgradeLayer) }
      : recipe
  return upgraded as unknown as Recipe
}
