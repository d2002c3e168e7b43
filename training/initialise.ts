/** Initial weights, f32. Each weight has its own random stream, named by its path. */
import type { Initialiser, RecipeWeight, Recipe } from '../plan/recipe.ts'
import { elementCount, showShape, type HostData } from '../runtime/tensors.ts'
import { FitError } from './errors.ts'
import type { State } from './machine.ts'
import { orthonormalRows } from './orthonormal.ts'
import { stream, type Stream } from './random.ts'

/** The standard normal number at `index`; each pair comes from two uniform ones. Box and Muller, 1958. */
export function normal({ uniform }: Stream, index: number): number {
  const pair = index - (index % 2)
  const radius = Math.sqrt(-2 * Math.log(uniform(pair)))
  const angle = 2 * Math.PI * uniform(pair + 1)
  return radius * (index % 2 === 0 ? Math.cos(angle) : Math.sin(angle))
}

const filled = (count: number, of: (index: number) => number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => of(index))

/** Each matrix of the last two axes is orthogonal: its rows are orthonormal if it is wide, else its columns, times `gain`. */
function orthogonal({ shape }: RecipeWeight, gain: number, numbers: Stream): Float32Array {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1]
  const [few, many] = [Math.min(rows, columns), Math.max(rows, columns)]
  const size = rows * columns
  const values = new Float32Array(elementCount(shape))
  for (let start = 0; start < values.length; start += size) {
    const basis = orthonormalRows(
      Float64Array.from({ length: size }, (_, at) => normal(numbers, start + at)),
      few,
      many,
    )
    for (let at = 0; at < size; at++) {
      const [row, column] = [Math.floor(at / columns), at % columns]
      values[start + at] = gain * (rows <= columns ? basis[row * many + column] : basis[column * many + row])
    }
  }
  return values
}

type Fill<K extends Initialiser['kind']> = (
  initialiser: Extract<Initialiser, { kind: K }>,
  weight: RecipeWeight,
  count: number,
  numbers: Stream,
) => Float32Array

const FILLS: { readonly [K in Initialiser['kind']]: Fill<K> } = {
  zeros: (_, __, count) => new Float32Array(count),
  ones: (_, __, count) => new Float32Array(count).fill(1),
  constant: ({ value }, _, count) => new Float32Array(count).fill(value),
  normal: ({ deviation }, _, count, numbers) => filled(count, (index) => deviation * normal(numbers, index)),
  uniform: ({ bound }, _, count, { uniform }) => filled(count, (index) => bound * (2 * uniform(index) - 1)),
  fan: ({ gain }, { fanIn }, count, numbers) => filled(count, (index) => (gain / Math.sqrt(fanIn)) * normal(numbers, index)),
  orthogonal: ({ gain }, weight, _, numbers) => orthogonal(weight, gain, numbers),
}

/** The initial values of one weight. */
export function initialWeight(weight: RecipeWeight, seed: number): HostData {
  const { shape, initialiser, name } = weight
  const fill = FILLS[initialiser.kind] as Fill<Initialiser['kind']>
  return { shape, data: fill(initialiser, weight, elementCount(shape), stream(seed, 'weights', name)) }
}

/** The initial values of all weights, by path. */
export const initialise = ({ weights, seed }: Recipe): Readonly<Record<string, HostData>> =>
  Object.fromEntries(weights.map((weight) => [weight.name, initialWeight(weight, seed)]))

/** Given initial weights, by path. */
export interface GivenWeights {
  /** Their source, for messages and the record. */
  readonly name: string
  readonly values: State
}

/**
 * The initial weights of a run: the given ones, and initialised values for all others. Throws a FitError for a weight that the
 * recipe lacks.
 */
export function initialState(recipe: Recipe, given?: GivenWeights): State {
  const made = initialise(recipe)
  for (const [name, { shape }] of Object.entries(given?.values ?? {})) {
    if (!Object.hasOwn(made, name))
      throw new FitError(null, `${given!.name} has the weight ${name}, which ${recipe.model} does not have`)
    const wanted = made[name].shape
    if (wanted.join() !== shape.join())
      throw new FitError(null, `${given!.name} has ${name} as ${showShape(shape)}, ${recipe.model} as ${showShape(wanted)}`)
  }
  return { ...made, ...given?.values }
}
