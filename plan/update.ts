/** What an update of the weights reads and writes, by name: compiler, training loop and whoever reads a saved run agree on it here. */
import type { LearnedWeight, Optimiser, Recipe } from './recipe.ts'

/** The weight in which the gradient of a weight is gathered over the micro-batches of a step. */
export const gradientName = (weight: string): string => `gradient.${weight}`

/** A kind of numbers that an optimiser keeps for each weight, of the weight's shape, zeros before the first update. */
export type StateKind = 'momentum' | 'first' | 'second'

/** The weight that holds a state of a weight. */
export const stateName = (kind: StateKind, weight: string): string => `${kind}.${weight}`

/** What an optimiser keeps, in the order in which it is saved. */
export function statesOf(optimiser: Optimiser): readonly StateKind[] {
  switch (optimiser.kind) {
    case 'sgd': return optimiser.momentum === 0 ? [] : ['momentum']
    case 'adam':
    case 'adamw': return ['first', 'second']
    case 'lion': return ['momentum']
    default: return optimiser satisfies never
  }
}

/** Inputs of an update, f32 []. */
export interface UpdateInputs {
  /** The optimiser's rate times the factor of the schedule. */
  readonly rate: number
  /** 1 - beta^t of the moments of the gradients, t updates with this one; 1 where there are none. */
  readonly correction1: number
  readonly correction2: number
  /** What the gathered gradients are multiplied by: 1 / micro-batches. */
  readonly scale: number
}

/** `update` is 1 at the first. */
export function updateInputs({ optimiser, accumulate }: Pick<Recipe, 'optimiser' | 'accumulate'>, rate: number, update: number): UpdateInputs {
  const hasMoments = optimiser.kind === 'adam' || optimiser.kind === 'adamw'
  const correction = (beta: number): number => 1 - beta ** update
  const [correction1, correction2] = hasMoments ? [correction(optimiser.beta1), correction(optimiser.beta2)] : [1, 1]
  return { rate, correction1, correction2, scale: 1 / accumulate }
}

/** What an update treats alike: a weight, or several that lie in one memory. */
export interface MovedWeight {
  readonly name: string
  readonly shape: readonly number[]
  /** Factor on the rate, above 0. */
  readonly rate: number
  readonly decay: number
}

/** Weights one after the other in one memory under a name of their own, f32 [elements], so that one kernel moves all of them. */
export interface Bundle {
  readonly name: string
  readonly elements: number
  readonly members: readonly BundleMember[]
}

export interface BundleMember {
  readonly name: string
  readonly shape: readonly number[]
  /** The element of the bundle at which it begins. */
  readonly at: number
}

/** Elements between which a binding may begin on every adapter: 256 bytes. */
const GRAIN = 64
/** A bundle is a number of whole rows of this length. */
export const BUNDLE_ROW = 1024

const roundUp = (elements: number, grain: number): number => Math.ceil(elements / grain) * grain
const elementsOf = ({ shape }: LearnedWeight): number => shape.reduce((all, size) => all * size, 1)

/** Every weight that moves, each by itself. */
export const movedWeights = ({ weights }: Pick<Recipe, 'weights'>): readonly MovedWeight[] =>
  weights.filter(({ rate }) => rate !== 0).map(({ name, shape, rate, decay }) => ({ name, shape, rate, decay }))

export interface Bundled {
  readonly moved: readonly MovedWeight[]
  /** Of the weights, of their gradients, and of each state of theirs. */
  readonly bundles: readonly Bundle[]
}

/**
 * Weights of one rate and one decay brought together, in the order of the recipe, as long as a bundle has `most` elements at the most; a
 * weight with more than that moves by itself. The name of a bundle is that of no weight: paths have no spaces.
 */
export function bundleWeights({ weights, optimiser }: Pick<Recipe, 'weights' | 'optimiser'>, most: number): Bundled {
  const limit = Math.floor(most / BUNDLE_ROW) * BUNDLE_ROW
  const groups = new Map<string, LearnedWeight[]>()
  const alone: LearnedWeight[] = []
  for (const weight of weights.filter(({ rate }) => rate !== 0)) {
    const key = `${weight.rate} ${weight.decay}`
    if (roundUp(elementsOf(weight), BUNDLE_ROW) > limit) alone.push(weight)
    else groups.set(key, [...(groups.get(key) ?? []), weight])
  }
  const filled = [...groups.values()].flatMap((group) => fill(group, limit))
  const made = filled.map((members, at) => bundleOf(`bundle ${at}`, members))
  const moved = made.map(({ name, elements }, at) => ({ name, shape: [elements], rate: filled[at][0].rate, decay: filled[at][0].decay }))
  const names = [(name: string) => name, gradientName, ...statesOf(optimiser).map((kind) => (name: string) => stateName(kind, name))]
  return { moved: [...moved, ...movedWeights({ weights: alone })], bundles: names.flatMap((rename) => made.map((bundle) => renamed(bundle, rename))) }
}

/** Cuts a group where it exceeds the limit. */
function fill(group: readonly LearnedWeight[], limit: number): readonly (readonly LearnedWeight[])[] {
  const filled: LearnedWeight[][] = []
  let end = Infinity
  for (const weight of group) {
    const size = roundUp(elementsOf(weight), GRAIN)
    if (end + size > limit) {
      filled.push([])
      end = 0
    }
    filled[filled.length - 1].push(weight)
    end += size
  }
  return filled
}

function bundleOf(name: string, weights: readonly LearnedWeight[]): Bundle {
  let end = 0
  const members = weights.map((weight): BundleMember => {
    const at = end
    end += roundUp(elementsOf(weight), GRAIN)
    return { name: weight.name, shape: weight.shape, at }
  })
  return { name, elements: roundUp(end, BUNDLE_ROW), members }
}

const renamed = ({ name, elements, members }: Bundle, rename: (name: string) => string): Bundle =>
  ({ name: rename(name), elements, members: members.map((member) => ({ ...member, name: rename(member.name) })) })
