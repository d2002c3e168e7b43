/** A spec whose model says how it learns, and the recipe that it would have with other parameters. */
import { InvalidArgumentError, Option } from 'commander'
import type { FrozenFormats } from '../../compiler/frozen-formats.ts'
import type { RecipeOverrides } from '../../compiler/recipe.ts'
import { compileTraining, type TrainingCompilation, type TrainingGraphs } from '../../compiler/train.ts'
import type { Precision, Recipe } from '../../plan/recipe.ts'
import { trainableWeights } from '../../plan/update.ts'
import { checkSource, type SpecOptions } from '../checking.ts'
import { hasErrors, refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Source } from '../../grammar/source.ts'
import { createLoader, parseSettings, readSource } from '../load.ts'
import type { Terminal } from '../terminal.ts'
import { withTrainBlock, type BlockSettings } from './block.ts'

/** A parser of options that are whole numbers, `least` or more. */
export function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < least || value >= 2 ** 31)
      throw new InvalidArgumentError(`a whole number from ${least}.`)
    return value
  }
}

export const precisionOption = (): Option =>
  new Option('--precision <precision>', 'f32, or mixed: operands and results of matmuls are stored as f16')
    .choices(['f32', 'mixed'])
    .default('f32')

export const seedOption = (): Option =>
  new Option('--seed <n>', 'seed of all random numbers, in place of the one in the spec').argParser(wholeFrom(0))

export interface RecipeOptions extends SpecOptions {
  readonly steps?: number
  readonly seed?: number
  readonly precision: Precision
}

/** Parameters and sizes of a batch in the place of those that a spec and its options have. */
export interface Change {
  readonly set: Readonly<Record<string, number>>
  readonly batch: Readonly<Record<string, number>>
}

export interface TrainingSpec {
  readonly graphs: TrainingGraphs
  /** Parameters of the model that are whole numbers. */
  readonly parameters: Readonly<Record<string, number>>
  /** The recipe with other parameters; null where the spec refuses them. */
  readonly recipeWith: (change: Change) => Recipe | null
}

const wholeNumbers = (values: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => Number.isInteger(entry[1])))

export interface SpecRequest extends RecipeOptions {
  /** The `train` block to make where the model has none; null for none. */
  readonly block: BlockSettings | null
  /** What frozen weights may be stored as. */
  readonly formats?: FrozenFormats
}

/** The source with the block that is asked for. Throws a Failure where the model has one of its own. */
function withBlock(source: Source, { block, ...spec }: SpecRequest, terminal: Terminal): Source {
  if (block === null) return source
  const { file, model, diagnostics } = checkSource(source, spec, terminal)
  refuseErrors(diagnostics, terminal)
  if (model === null) return source
  if (model.train !== null)
    throw new Failure(
      EXIT.usage,
      `${model.name} has a \`train\` block of its own, and --learn makes one`,
      'write `learns router` and `input teacher: f32[B, S, V]` in the block',
    )
  return withTrainBlock(source, file, model, block)
}

/** Shows what is wrong with a spec and ends the command where it is not one that learns. */
export function trainingSpecOf(given: Source, request: SpecRequest, terminal: Terminal): TrainingSpec {
  const { model: wanted, set, root, steps, seed, precision, formats } = request
  const source = withBlock(given, request, terminal)
  const [load, settings] = [createLoader(terminal, root), parseSettings(set)]
  const overrides: RecipeOverrides = {
    precision,
    ...(steps === undefined ? {} : { steps }),
    ...(seed === undefined ? {} : { seed }),
  }
  const compileWith = ({ set: other, batch }: Change): TrainingCompilation =>
    compileTraining(source, { load, model: wanted, set: { ...settings, ...other }, recipe: { ...overrides, batch }, formats })
  const { diagnostics, model, graphs } = compileWith({ set: {}, batch: {} })
  refuseErrors(diagnostics, terminal)
  if (model === null) throw new Failure(EXIT.usage, `'${given.path}' declares no model`, 'only a model can be trained')
  if (graphs === null) {
    throw new Failure(
      EXIT.usage,
      `${model.name} has no \`train\` block`,
      'a `train { ... }` block in the model names a loss and an optimiser; smoe explain --stage train shows one. --learn router, or --learn "*", makes one',
    )
  }
  if (trainableWeights(graphs.recipe).length === 0) {
    throw new Failure(
      EXIT.usage,
      `${model.name} has no trainable weight: no loss reaches one that learns`,
      'gradients do not pass stop(...) or rounding',
    )
  }
  return {
    graphs,
    parameters: wholeNumbers(model.values),
    recipeWith: (change) => {
      const other = compileWith(change)
      return hasErrors(other.diagnostics) ? null : (other.graphs?.recipe ?? null)
    },
  }
}

/** That of a file. */
export const trainingSpec = (path: string, options: RecipeOptions, terminal: Terminal): TrainingSpec =>
  trainingSpecOf(readSource(path, terminal), { ...options, block: null }, terminal)
