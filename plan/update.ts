/**
 * What an update of the weights reads and writes, by name: compiler, training loop and readers of a saved run agree on it here.
 */
import { variableName } from './output-role.ts'
import type { Optimiser, Recipe, RecipeWeight } from './recipe.ts'

/** The variable in which the gradient of a weight is accumulated over the micro-batches of a step. */
export const gradientName = (weight: string): string => variableName({ kind: 'gradient', of: weight })

/** The f16 copy of a weight, which matmuls read in mixed precision. */
export const f16CopyName = (weight: string): string => variableName({ kind: 'f16_copy', of: weight })

/**
 * The optimizer state of each weight, of the weight's shape and 0 before the first update: the prefix of its name, as in
 * `first.embed`.
 */
export function optimizerStates(optimiser: Optimiser): readonly string[] {
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

export const optimizerStateName = (state: string, weight: string): string =>
  variableName({ kind: 'optimizer_state', state, of: weight })

/** The names of the whole optimizer state, one weight after the other. */
export const optimizerStateNames = (recipe: Pick<Recipe, 'weights' | 'optimiser'>): readonly string[] =>
  trainableWeights(recipe).flatMap(({ name }) =>
    optimizerStates(recipe.optimiser).map((state) => optimizerStateName(state, name)),
  )

/**
 * The input of a step in mixed precision, f32 []: the loss scale, a factor on the losses before the backward pass. No input of a
 * model has a space in its name.
 */
export const SCALE_INPUT = 'loss scale'

/** The finite-gradient check: a norm of gradients beyond this counts as overflow, and the update is skipped. */
export const MAX_FINITE_NORM = 1e30

/**
 * Inputs of an update, f32 [] each: the learning rate of this step, and the bias corrections of the moments, 1 / (1 - beta1^n)
 * and 1 / (1 - beta2^n)^(1/2) at the n-th update; in mixed precision also `unscale`, the inverse of the loss scale, a power of
 * two.
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

/** What one update kernel updates: a weight, or a flat bucket of several. */
export interface UpdatedTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** Factor on the learning rate, above 0. */
  readonly rate: number
  readonly decay: number
  /** Whether an f16 copy of it is kept, under `f16CopyName`. */
  readonly hasF16Copy?: boolean
}

/**
 * A flat parameter bucket: weights side by side in one buffer under a name of its own, [elements], so that one kernel updates all
 * of them.
 */
export interface ParameterBucket {
  readonly name: string
  readonly dtype: 'f32' | 'f16'
  readonly elements: number
  readonly members: readonly BucketMember[]
}

export interface BucketMember {
  readonly name: string
  readonly shape: readonly number[]
  /** The element of the bucket at which it begins. */
  readonly at: number
}

/** Elements between the offsets that a binding may have on every adapter: 256 bytes, also of an f16 copy. */
const alignmentOf = (hasF16Copy: boolean): number => (hasF16Copy ? 128 : 64)
/** The size of a bucket is a multiple of this. */
export const BUCKET_ROW = 1024

const roundUp = (elements: number, multiple: number): number => Math.ceil(elements / multiple) * multiple
const elementsOf = ({ shape }: RecipeWeight): number => shape.reduce((all, size) => all * size, 1)

/** The weights that an update changes. */
export const trainableWeights = ({ weights }: Pick<Recipe, 'weights'>): readonly RecipeWeight[] =>
  weights.filter(({ rate }) => rate !== 0)

const NO_F16_COPIES: ReadonlySet<string> = new Set()

const withoutBucket = ({ name, shape, rate, decay }: RecipeWeight, f16Weights: ReadonlySet<string>): UpdatedTensor => ({
  name,
  shape,
  rate,
  decay,
  hasF16Copy: f16Weights.has(name),
})

/** Each weight by itself; `f16Weights` are those of which an f16 copy is kept. */
export const updateUnbucketed = (
  recipe: Pick<Recipe, 'weights'>,
  f16Weights: ReadonlySet<string> = NO_F16_COPIES,
): readonly UpdatedTensor[] => trainableWeights(recipe).map((weight) => withoutBucket(weight, f16Weights))

export interface BucketedUpdate {
  readonly updated: readonly UpdatedTensor[]
  /** Of the weights, of their gradients, of their optimizer state, and of their f16 copies. */
  readonly buckets: readonly ParameterBucket[]
}

/**
 * Puts weights of one learning rate and one weight decay, all with or all without an f16 copy, into buckets, in the order of the
 * recipe. A bucket has `most` elements at most; a weight with more is updated by itself. No weight has the name of a bucket:
 * paths have no spaces.
 */
export function bucketWeights(
  { weights, optimiser }: Pick<Recipe, 'weights' | 'optimiser'>,
  most: number,
  f16Weights: ReadonlySet<string> = NO_F16_COPIES,
): BucketedUpdate {
  const limit = Math.floor(most / BUCKET_ROW) * BUCKET_ROW
  const groups = new Map<string, RecipeWeight[]>()
  const alone: RecipeWeight[] = []
  for (const weight of trainableWeights({ weights })) {
    const key = `${weight.rate} ${weight.decay} ${f16Weights.has(weight.name)}`
    if (roundUp(elementsOf(weight), BUCKET_ROW) > limit) alone.push(weight)
    else groups.set(key, [...(groups.get(key) ?? []), weight])
  }
  const hasF16Copy = ([{ name }]: readonly RecipeWeight[]): boolean => f16Weights.has(name)
  const filled = [...groups.values()].flatMap((group) => fill(group, limit, alignmentOf(hasF16Copy(group))))
  const buckets = filled.map((members, at) => bucketOf(`bucket ${at}`, members, alignmentOf(hasF16Copy(members))))
  const updated = buckets.map(({ name, elements }, at) => ({
    ...withoutBucket(filled[at][0], f16Weights),
    name,
    shape: [elements],
  }))
  const names = [
    (name: string) => name,
    gradientName,
    ...optimizerStates(optimiser).map((state) => (name: string) => optimizerStateName(state, name)),
  ]
  const f32Buckets = names.flatMap((rename) => buckets.map((bucket) => renamed(bucket, rename, 'f32')))
  const f16Buckets = buckets.filter((_, at) => hasF16Copy(filled[at])).map((bucket) => renamed(bucket, f16CopyName, 'f16'))
  return {
    updated: [...updated, ...alone.map((weight) => withoutBucket(weight, f16Weights))],
    buckets: [...f32Buckets, ...f16Buckets],
  }
}

/** Cuts a group where it exceeds the limit. */
function fill(group: readonly RecipeWeight[], limit: number, alignment: number): readonly (readonly RecipeWeight[])[] {
  const filled: RecipeWeight[][] = []
  let end = Infinity
  for (const weight of group) {
    const size = roundUp(elementsOf(weight), alignment)
    if (end + size > limit) {
      filled.push([])
      end = 0
    }
    filled[filled.length - 1].push(weight)
    end += size
  }
  return filled
}

function bucketOf(name: string, weights: readonly RecipeWeight[], alignment: number): ParameterBucket {
  let end = 0
  const members = weights.map((weight): BucketMember => {
    const at = end
    end += roundUp(elementsOf(weight), alignment)
    return { name: weight.name, shape: weight.shape, at }
  })
  return { name, dtype: 'f32', elements: roundUp(end, BUCKET_ROW), members }
}

const renamed = (
  { name, elements, members }: ParameterBucket,
  rename: (name: string) => string,
  dtype: ParameterBucket['dtype'],
): ParameterBucket => ({
  name: rename(name),
  dtype,
  elements,
  members: members.map((member) => ({ ...member, name: rename(member.name) })),
})
