/** What an update of the weights reads and writes, by name: compiler, training loop and whoever reads a saved run agree on it here. */
import type { LearnedWeight, Optimiser, Recipe } from './recipe.ts'

/** The weight in which the gradient of a weight is gathered over the micro-batches of a step. */
export const gradientName = (weight: string): string => `gradient.${weight}`

/** The copy of a weight, rounded to f16, that products read in mixed precision. */
export const halfName = (weight: string): string => `half.${weight}`

/** What an optimiser remembers of each weight, of the weight's shape and 0 before the first update: in front of the path, `first.embed`. */
export function memoryWords(optimiser: Optimiser): readonly string[] {
  switch (optimiser.kind) {
    case 'sgd':
      return optimiser.momentum === 0 ? [] : ['momentum']
    case 'adam':
    case 'adamw':
      return ['first', 'second']
    case 'lion':
      return ['momentum']
    default:
      return optimiser satisfies never
  }
}

export const memoryName = (word: string, weight: string): string => `${word}.${weight}`

/** Names of all that the optimiser remembers, one weight after the other. */
export const memoryNames = (recipe: Pick<Recipe, 'weights' | 'optimiser'>): readonly string[] =>
  movedWeights(recipe).flatMap(({ name }) => memoryWords(recipe.optimiser).map((word) => memoryName(word, name)))

/** The input of a step in mixed precision, f32 []: what the losses are multiplied by before the way back. A space stands in no input's name. */
export const SCALE_INPUT = 'loss scale'

/** A norm of gradients beyond this is none: some of them were too large for f16, and the update leaves everything as it was. */
export const MOST_NORM = 1e30

/**
 * Inputs of an update, f32 [] each: the rate at this step, and how means that began at 0 are made larger, 1 / (1 - beta1^n) and
 * 1 / (1 - beta2^n)^(1/2) at the n-th update; in mixed precision also what undoes the scale of the losses, a power of two.
 */
export function updateInputs(
  { optimiser, precision }: Pick<Recipe, 'optimiser' | 'precision'>,
  rate: number,
  update: number,
  scale = 1,
): Readonly<Record<string, number>> {
  const unscale: Readonly<Record<string, number>> = precision === 'mixed' ? { unscale: 1 / scale } : {}
  if (optimiser.kind !== 'adam' && optimiser.kind !== 'adamw') return { rate, ...unscale }
  const { beta1, beta2 } = optimiser
  return { rate, correction1: 1 / (1 - beta1 ** update), correction2: 1 / Math.sqrt(1 - beta2 ** update), ...unscale }
}

/** What an update moves as one: a weight, or several that lie in one memory. */
export interface MovedWeight {
  readonly name: string
  readonly shape: readonly number[]
  /** Factor on the rate, above 0. */
  readonly rate: number
  readonly decay: number
  /** Whether a rounded copy is kept beside it, under `halfName`. */
  readonly half?: boolean
}

/** Weights one after the other in one memory under a name of their own, [elements], so that one kernel moves all of them. */
export interface Bundle {
  readonly name: string
  readonly dtype: 'f32' | 'f16'
  readonly elements: number
  readonly members: readonly BundleMember[]
}

export interface BundleMember {
  readonly name: string
  readonly shape: readonly number[]
  /** The element of the bundle at which it begins. */
  readonly at: number
}

/** Elements between which a binding may begin on every adapter: 256 bytes, also of halves where there are such. */
const grainOf = (half: boolean): number => (half ? 128 : 64)
/** A bundle is a number of whole rows of this length. */
export const BUNDLE_ROW = 1024

const roundUp = (elements: number, grain: number): number => Math.ceil(elements / grain) * grain
const elementsOf = ({ shape }: LearnedWeight): number => shape.reduce((all, size) => all * size, 1)

/** The weights that an update moves. */
export const movedWeights = ({ weights }: Pick<Recipe, 'weights'>): readonly LearnedWeight[] =>
  weights.filter(({ rate }) => rate !== 0)

const NO_HALVES: ReadonlySet<string> = new Set()

const movedAlone = ({ name, shape, rate, decay }: LearnedWeight, halved: ReadonlySet<string>): MovedWeight => ({
  name,
  shape,
  rate,
  decay,
  half: halved.has(name),
})

/** Each by itself; `halved` are those of which a rounded copy is kept. */
export const moveAlone = (recipe: Pick<Recipe, 'weights'>, halved: ReadonlySet<string> = NO_HALVES): readonly MovedWeight[] =>
  movedWeights(recipe).map((weight) => movedAlone(weight, halved))

export interface Bundled {
  readonly moved: readonly MovedWeight[]
  /** Of the weights, of their gradients, of what is remembered of them, and of their rounded copies. */
  readonly bundles: readonly Bundle[]
}

/**
 * Weights of one rate and one decay, all with or all without a rounded copy, brought together, in the order of the recipe, as long as a bundle has `most` elements at the most; a
 * weight with more than that moves by itself. The name of a bundle is that of no weight: paths have no spaces.
 */
export function bundleWeights(
  { weights, optimiser }: Pick<Recipe, 'weights' | 'optimiser'>,
  most: number,
  halved: ReadonlySet<string> = NO_HALVES,
): Bundled {
  const limit = Math.floor(most / BUNDLE_ROW) * BUNDLE_ROW
  const groups = new Map<string, LearnedWeight[]>()
  const alone: LearnedWeight[] = []
  for (const weight of movedWeights({ weights })) {
    const key = `${weight.rate} ${weight.decay} ${halved.has(weight.name)}`
    if (roundUp(elementsOf(weight), BUNDLE_ROW) > limit) alone.push(weight)
    else groups.set(key, [...(groups.get(key) ?? []), weight])
  }
  const isHalf = ([{ name }]: readonly LearnedWeight[]): boolean => halved.has(name)
  const filled = [...groups.values()].flatMap((group) => fill(group, limit, grainOf(isHalf(group))))
  const made = filled.map((members, at) => bundleOf(`bundle ${at}`, members, grainOf(isHalf(members))))
  const moved = made.map(({ name, elements }, at) => ({ ...movedAlone(filled[at][0], halved), name, shape: [elements] }))
  const names = [
    (name: string) => name,
    gradientName,
    ...memoryWords(optimiser).map((word) => (name: string) => memoryName(word, name)),
  ]
  const bundles = names.flatMap((rename) => made.map((bundle) => renamed(bundle, rename, 'f32')))
  const halves = made.filter((_, at) => isHalf(filled[at])).map((bundle) => renamed(bundle, halfName, 'f16'))
  return { moved: [...moved, ...alone.map((weight) => movedAlone(weight, halved))], bundles: [...bundles, ...halves] }
}

/** Cuts a group where it exceeds the limit. */
function fill(group: readonly LearnedWeight[], limit: number, grain: number): readonly (readonly LearnedWeight[])[] {
  const filled: LearnedWeight[][] = []
  let end = Infinity
  for (const weight of group) {
    const size = roundUp(elementsOf(weight), grain)
    if (end + size > limit) {
      filled.push([])
      end = 0
    }
    filled[filled.length - 1].push(weight)
    end += size
  }
  return filled
}

function bundleOf(name: string, weights: readonly LearnedWeight[], grain: number): Bundle {
  let end = 0
  const members = weights.map((weight): BundleMember => {
    const at = end
    end += roundUp(elementsOf(weight), grain)
    return { name: weight.name, shape: weight.shape, at }
  })
  return { name, dtype: 'f32', elements: roundUp(end, BUNDLE_ROW), members }
}

const renamed = ({ name, elements, members }: Bundle, rename: (name: string) => string, dtype: Bundle['dtype']): Bundle => ({
  name: rename(name),
  dtype,
  elements,
  members: members.map((member) => ({ ...member, name: rename(member.name) })),
})
