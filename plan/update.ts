/** What an update of the weights reads and writes, by name: compiler, training loop and whoever reads a saved run agree on it here. */
import type { LearnedWeight, Optimiser, Recipe } from './recipe.ts'

/** The weight in which the gradient of a weight is gathered over the micro-batches of a step. */
export const gradientName = (weight: string): string => `gradient.${weight}`

/** What an optimiser remembers of each weight, of the weight's shape and 0 before the first update: in front of the path, `first.embed`. */
export function memoryWords(optimiser: Optimiser): readonly string[] {
  switch (optimiser.kind) {
    case 'sgd': return optimiser.momentum === 0 ? [] : ['momentum']
    case 'adam':
    case 'adamw': return ['first', 'second']
    case 'lion': return ['momentum']
    default: return optimiser satisfies never
  }
}

export const memoryName = (word: string, weight: string): string => `${word}.${weight}`

/** Names of all that the optimiser remembers, one weight after the other. */
export const memoryNames = (recipe: Pick<Recipe, 'weights' | 'optimiser'>): readonly string[] =>
  movedWeights(recipe).flatMap(({ name }) => memoryWords(recipe.optimiser).map((word) => memoryName(word, name)))

/**
 * Inputs of an update, f32 [] each: the rate at this step, and how means that began at 0 are made larger, 1 / (1 - beta1^n) and
 * 1 / (1 - beta2^n)^(1/2) at the n-th update.
 */
export function updateInputs({ optimiser }: Pick<Recipe, 'optimiser'>, rate: number, update: number): Readonly<Record<string, number>> {
  if (optimiser.kind !== 'adam' && optimiser.kind !== 'adamw') return { rate }
  const { beta1, beta2 } = optimiser
  return { rate, correction1: 1 / (1 - beta1 ** update), correction2: 1 / Math.sqrt(1 - beta2 ** update) }
}

/** What an update moves as one: a weight, or several that lie in one memory. */
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

/** The weights that an update moves, each by itself. */
export const movedWeights = ({ weights }: Pick<Recipe, 'weights'>): readonly LearnedWeight[] => weights.filter(({ rate }) => rate !== 0)

export interface Bundled {
  readonly moved: readonly MovedWeight[]
  /** Of the weights, of their gradients, and of what is remembered of them. */
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
  for (const weight of movedWeights({ weights })) {
    const key = `${weight.rate} ${weight.decay}`
    if (roundUp(elementsOf(weight), BUNDLE_ROW) > limit) alone.push(weight)
    else groups.set(key, [...(groups.get(key) ?? []), weight])
  }
  const filled = [...groups.values()].flatMap((group) => fill(group, limit))
  const made = filled.map((members, at) => bundleOf(`bundle ${at}`, members))
  const moved = made.map(({ name, elements }, at) => ({ name, shape: [elements], rate: filled[at][0].rate, decay: filled[at][0].decay }))
  const names = [(name: string) => name, gradientName, ...memoryWords(optimiser).map((word) => (name: string) => memoryName(word, name))]
  return { moved: [...moved, ...alone], bundles: names.flatMap((rename) => made.map((bundle) => renamed(bundle, rename))) }
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
