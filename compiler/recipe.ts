/** Checked model -> the recipe of its training: what the loop reads beside the plans. */
import { adapterOfName, type AdapterSide } from '../plan/adapters.ts'
import { evaluate as evaluateDim, constantValue, type Dim } from '../plan/dim.ts'
import type { ReportRole } from '../plan/output-role.ts'
import { isProgressInput } from '../plan/progress-inputs.ts'
import {
  RECIPE_VERSION,
  type Initialiser,
  type RecipeWeight,
  type Optimiser,
  type RateSchedule,
  type Recipe,
  type RecipeInput,
  type RoutedLayer,
} from '../plan/recipe.ts'
import { own } from '../plan/table.ts'
import { checksum } from './graph/checksum.ts'
import { indexRanges } from './graph/index-ranges.ts'
import type { Graph } from './graph/node.ts'
import { isOp, liveNodes } from './graph/walk.ts'
import { RANDOM_INPUT } from './lower/random.ts'
import { layersOf, lower, trainingVariants } from './lower/lower.ts'
import { trainableFrom } from './lower/trainable.ts'
import { folds, lookupIn } from './model/context/context.ts'
import type { MethodFact, Model, Train } from './model/model.ts'
import { instancesOf, type WeightInstance } from './model/weights/paths.ts'
import { evaluate, type Lookup, type Static, type StaticValue } from './model/static/static.ts'
import { NUMBERS } from './model/methods/methods.ts'
import { adaptersOf, learnsWeight } from './model/train/learns.ts'
import { fits } from './model/train/pattern.ts'

/** What is asked for in the place of what the spec says. */
export type RecipeOverrides = Partial<Pick<Recipe, 'steps' | 'seed' | 'accumulate' | 'clip' | 'batch' | 'precision'>>

/** The value of what the checker has found to be known. */
function valueIn(lookup: Lookup, value: Static): StaticValue {
  const found = evaluate(value, lookup, folds)
  if (found === undefined) throw new Error('a setting of training has no value')
  return found
}

const methodIn = <M extends { readonly kind: string }>(lookup: Lookup, { kind, settings }: MethodFact): M =>
  ({
    kind,
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, valueIn(lookup, value)])),
  }) as unknown as M

/** How many axes a weight has; of a bank, one expert's. */
const axesOf = ({ fact }: WeightInstance): number => fact.term.shape.length

/** One form for one beginning, so that recipes are equal where their runs are. */
function plain(initialiser: Initialiser): Initialiser {
  if (initialiser.kind !== 'constant') return initialiser
  return initialiser.value === 1 ? { kind: 'ones' } : initialiser.value === 0 ? { kind: 'zeros' } : initialiser
}

/** The last pattern that fits counts, then what the `param` says, then what the model says for all, then what the axes say. */
function initialiserOf({ initialisers }: Train, weight: WeightInstance, lookup: Lookup): Initialiser {
  const own = weight.fact.term.initialiser
  const fitting = initialisers.findLast(({ pattern }) => pattern !== null && fits(pattern, weight.path))
  const general = initialisers.findLast(({ pattern }) => pattern === null)
  const method = fitting?.method ?? own ?? (axesOf(weight) < 2 ? null : (general?.method ?? null))
  if (method !== null) return plain(methodIn(lookup, method))
  return axesOf(weight) < 2 ? { kind: 'zeros' } : { kind: 'fan', gain: 1 }
}

/** What the last group that settles it says. */
function ofGroups({ groups }: Train, path: string, setting: 'rate' | 'decay', lookup: Lookup): number | null {
  const value = groups.findLast((group) => group[setting] !== null && fits(group.pattern, path))?.[setting] ?? null
  return value === null ? null : Number(valueIn(lookup, value))
}

/** The weights that a loss reaches with a gradient. */
const reached = ({ outputs }: Graph): ReadonlySet<string> =>
  trainableFrom(outputs.filter(({ role }) => role?.kind === 'loss').map(({ node }) => node))

/** A matrix of a low-rank pair, as PEFT begins it: A uniform as a linear layer of torch, B 0. */
function pairWeight(
  train: Train,
  name: string,
  side: AdapterSide,
  sizes: readonly Dim[],
  { general, lookup }: { readonly general: number; readonly lookup: Lookup },
): RecipeWeight {
  const shape = sizes.map((size) => constantValue(size)!)
  const fanIn = shape.at(-1)!
  return {
    name,
    shape,
    initialiser: side === 'down' ? { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) } : { kind: 'zeros' },
    fanIn,
    rate: ofGroups(train, name, 'rate', lookup) ?? 1,
    decay: ofGroups(train, name, 'decay', lookup) ?? general,
  }
}

/** The pairs that the graphs have. */
function pairsOf(model: Model, weights: readonly RecipeWeight[]): Pick<Recipe, 'adapters'> {
  const adapterOf = adaptersOf(model)
  const adapters = weights.flatMap(({ name }) => {
    const side = adapterOfName(name)
    const adapter = side?.side === 'down' ? adapterOf(side.weight) : null
    return adapter === null ? [] : [adapter]
  })
  return adapters.length === 0 ? {} : { adapters }
}

function weightsOf(model: Model, train: Train, trained: readonly Graph[]): readonly RecipeWeight[] {
  const lookup = lookupIn({ values: new Map(Object.entries(model.values)), symbols: new Map(Object.entries(model.symbols)) })
  const instances = new Map(instancesOf(model.weights, lookup).map((one) => [one.path, one]))
  const { decay: general = 0 } = methodIn<Optimiser>(lookup, train.optimiser)
  const learned = new Set(trained.flatMap((graph) => [...reached(graph)]))
  const nodes = new Map(
    [...trained, lower(model)].flatMap((graph) =>
      liveNodes(graph).flatMap((node) => (isOp(node, 'weight') ? [[node.params.name, node] as const] : [])),
    ),
  )
  return [...nodes].map(([name, { shape: sizes }]) => {
    const side = adapterOfName(name)
    if (side !== null && !instances.has(name)) return pairWeight(train, name, side.side, sizes, { general, lookup })
    const weight = instances.get(name)!
    const inside: Lookup = (symbol) => own(weight.indices, symbol) ?? lookup(symbol)
    const shape = sizes.map((size) => constantValue(size)!)
    const isLearned = learned.has(name) && learnsWeight(train, name)
    return {
      name,
      shape,
      initialiser: initialiserOf(train, weight, inside),
      fanIn: shape.at(-1) ?? 1,
      rate: isLearned ? (ofGroups(train, name, 'rate', lookup) ?? 1) : 0,
      decay: isLearned ? (ofGroups(train, name, 'decay', lookup) ?? (axesOf(weight) < 2 ? 0 : general)) : 0,
    }
  })
}

const reported = ({ outputs }: Graph, kind: ReportRole['kind']): readonly string[] =>
  outputs.flatMap(({ name, role }) => (role?.kind === kind ? [name] : []))

function inputsOf(graphs: readonly Graph[], batch: Recipe['batch']): readonly RecipeInput[] {
  const choices = new Map<string, Pick<RecipeInput, 'below' | 'ignored'>>()
  for (const [
    {
      params: { name },
    },
    { among, ignored },
  ] of graphs.flatMap((graph) => [...indexRanges(liveNodes(graph))])) {
    const [count, before] = [constantValue(among), choices.get(name)]
    if (count === undefined) continue
    const isIgnored = ignored !== null && (before === undefined || before.ignored === ignored)
    choices.set(name, { below: Math.min(count, before?.below ?? Infinity), ...(isIgnored ? { ignored } : {}) })
  }
  return graphs[0].inputs
    .filter(({ params: { name } }) => name !== RANDOM_INPUT && !isProgressInput(name))
    .map(({ params: { name, shape }, dtype }) => ({
      name,
      dtype: dtype === 'bool' ? 'u32' : dtype,
      shape: shape.map((size) => evaluateDim(size, batch)),
      below: null,
      ...choices.get(name),
    }))
}

/** The bias that is moved against the load is frozen where it is not among the weights that train. */
const withoutFrozenBias = (train: Train, layer: RoutedLayer): RoutedLayer =>
  layer.balancedBias === null || learnsWeight(train, layer.balancedBias.weight) ? layer : { ...layer, balancedBias: null }

/**
 * Null where the model has no `train` block. The overrides are in the ranges of the settings: whoever takes them from a user says
 * so.
 */
export function recipeOf(model: Model, overrides: RecipeOverrides = {}): Recipe | null {
  const { train } = model
  if (train === null) return null
  const lookup = lookupIn({ values: new Map(Object.entries(model.values)), symbols: new Map(Object.entries(model.symbols)) })
  const number = (value: Static | null, otherwise: unknown): number => Number(value === null ? otherwise : valueIn(lookup, value))
  const graphs = trainingVariants(model)
  const evaluation = lower(model, { evaluation: true })
  const batch = {
    ...Object.fromEntries(Object.entries(train.batch).map(([name, value]) => [name, number(value, 1)])),
    ...overrides.batch,
  }
  const weights = weightsOf(model, train, graphs)
  return {
    version: RECIPE_VERSION,
    model: model.name,
    program: checksum([...graphs, evaluation]),
    weights,
    ...pairsOf(model, weights),
    optimiser: methodIn(lookup, train.optimiser),
    schedule: train.schedule === null ? { kind: 'constant', warmup: 0 } : methodIn<RateSchedule>(lookup, train.schedule),
    clip: overrides.clip ?? (train.clip === null ? null : number(train.clip, null)),
    accumulate: overrides.accumulate ?? number(train.accumulate, NUMBERS.accumulate.default),
    batch,
    steps: overrides.steps ?? number(train.runSteps, NUMBERS.steps.default),
    seed: overrides.seed ?? number(train.seed, NUMBERS.seed.default),
    inputs: inputsOf(graphs, batch),
    losses: [...new Set([...reported(evaluation, 'loss'), ...graphs.flatMap((graph) => reported(graph, 'loss'))])],
    metrics: reported(graphs[0], 'metric'),
    layers: layersOf(model).map((layer) => withoutFrozenBias(train, layer)),
    isRandom: graphs.some(({ inputs }) => inputs.some(({ params }) => params.name === RANDOM_INPUT)),
    precision: overrides.precision ?? 'f32',
  }
}
