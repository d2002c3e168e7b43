/**
 * What frozen weights are stored as: as a checkpoint has them, where the format holds every number that was read of it, so that
 * writing and reading leave the same bytes. Weights that train are f32.
 */
import type { Recipe, RecipeWeight } from '../plan/recipe.ts'
import type { FormatName } from '../plan/storage/formats.ts'
import { isOp, liveNodes } from './graph/walk.ts'
import { lower } from './lower/lower.ts'
import type { Model } from './model/model.ts'
import { withWeightFormats, type WeightFormats } from './passes/weight-formats.ts'

/** The formats of a checkpoint, or those that a run has saved, by the paths of the weights. */
export type FrozenFormats = WeightFormats | ReadonlyMap<string, FormatName>

type Kept = NonNullable<RecipeWeight['format']>

const isKept = (format: FormatName | undefined): format is Kept => format === 'bf16' || format === 'f16'

/** By path, those of the weights that inference reads. */
function formatsOf(model: Model, formats: FrozenFormats): ReadonlyMap<string, FormatName> {
  if (formats instanceof Map) return formats
  const graph = withWeightFormats(lower(model), formats as WeightFormats)
  return new Map(
    liveNodes(graph).flatMap((node) =>
      isOp(node, 'weight') && node.params.source.format !== undefined ? [[node.params.name, node.params.source.format]] : [],
    ),
  )
}

/**
 * The recipe with the formats of its frozen weights: of a model that says what learns, in f32 training. A bias that moves against
 * the load is not frozen.
 */
export function withFrozenFormats(recipe: Recipe | null, model: Model, formats: FrozenFormats | undefined): Recipe | null {
  if (recipe === null || formats === undefined || model.train?.learns == null || recipe.precision !== 'f32') return recipe
  const known = formatsOf(model, formats)
  const moved = new Set(recipe.layers.map(({ balancedBias }) => balancedBias?.weight))
  const withFormat = (weight: RecipeWeight): RecipeWeight => {
    const format = known.get(weight.name)
    return weight.rate !== 0 || moved.has(weight.name) || !isKept(format) ? weight : { ...weight, format }
  }
  return { ...recipe, weights: recipe.weights.map(withFormat) }
}

/** By path. */
export const storedFormats = ({ weights }: Pick<Recipe, 'weights'>): ReadonlyMap<string, Kept> =>
  new Map(weights.flatMap(({ name, format }) => (format === undefined ? [] : [[name, format] as const])))
