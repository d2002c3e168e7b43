/** How a model learns, in words: the recipe of its training as a page. */
import { formulaText } from '../../plan/formula.ts'
import { shortReportName } from '../../plan/output-role.ts'
import {
  competitionStepsOf,
  type CompetitionStep,
  type Initialiser,
  type RecipeWeight,
  type Recipe,
  type RecipeInput,
  type RoutedLayer,
} from '../../plan/recipe.ts'
import { table } from '../output.ts'

type Called = { readonly kind: string }

/** `adamw(rate = 0.001, beta1 = 0.9)` */
const called = (method: Called): string =>
  `${method.kind}(${Object.entries(method)
    .flatMap(([name, value]) => (name === 'kind' ? [] : [`${name} = ${String(value)}`]))
    .join(', ')})`

const inputText = ({ name, dtype, shape, below, ignored }: RecipeInput): string =>
  `${name}: ${dtype}[${shape.join(', ')}]${below === null ? '' : `, each from 0 to ${below - 1}`}${ignored === undefined ? '' : `, or ${ignored}, which is ignored`}`

const count = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1)

/** What weights that are told in one line have in common. */
interface Row {
  readonly path: string
  readonly weight: RecipeWeight
  readonly times: number
}

/** Weights that differ by the numbers in their paths alone stand in one row. */
function rowsOf(weights: readonly RecipeWeight[]): readonly Row[] {
  const rows = new Map<string, Row>()
  for (const weight of weights) {
    const { shape, initialiser, rate, decay } = weight
    const general = weight.name.replace(/(?<=^|\.)\d+(?=\.|$)/g, '*')
    const key = JSON.stringify([general, shape, initialiser, rate, decay])
    const known = rows.get(key)
    rows.set(
      key,
      known === undefined ? { path: weight.name, weight, times: 1 } : { ...known, path: general, times: known.times + 1 },
    )
  }
  return [...rows.values()]
}

function beginning(initialiser: Initialiser, fanIn: number): string {
  return initialiser.kind === 'fan'
    ? `normal, std ${Number((initialiser.gain / Math.sqrt(fanIn)).toPrecision(4))}`
    : called(initialiser).replace('()', '')
}

const HEAD = ['path', 'count', 'shape', 'initializer', 'learning-rate factor', 'weight decay']

const weightRow = ({ path, weight: { shape, initialiser, fanIn, rate, decay }, times }: Row): readonly string[] => [
  path,
  String(times),
  `f32[${shape.join(', ')}]`,
  beginning(initialiser, fanIn),
  rate === 0 ? 'frozen' : String(rate),
  String(decay),
]

const competitionText = ({ rate, after, atMost, together }: CompetitionStep): string =>
  [
    `competes in a share ${formulaText(rate)} of the steps`,
    ...(after > 0 ? [`after the first ${after} of the run`] : []),
    ...(atMost === null ? [] : [`with at most ${atMost} ${atMost === 1 ? 'layer' : 'layers'} in one step`]),
    ...(together === true ? ['with one draw a step for all layers'] : []),
  ].join(', ')

function layerLines(layer: RoutedLayer): readonly string[] {
  const [first, ...further] = competitionStepsOf(layer)
  const { balancedBias } = layer
  return [
    `${layer.layer}: ${layer.experts} experts; ${first === undefined ? 'has no competition steps' : competitionText(first.competition)}`,
    ...further.map(({ name, competition }) => `  as ${name} it ${competitionText(competition)}`),
    ...(balancedBias === null ? [] : [`  ${balancedBias.weight} moves by ${balancedBias.rate} a step, against the load`]),
  ]
}

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`)

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...indent(lines)]
}

export function explainTraining(recipe: Recipe): string {
  const { model, optimiser, schedule, clip, accumulate, steps, seed, weights } = recipe
  const learned = weights.filter(({ rate }) => rate > 0)
  const lines = [
    `${model} trains with ${called(optimiser)} for ${steps} steps, seed ${seed}`,
    ...indent([
      `learning rate schedule: ${called(schedule)}`,
      clip === null ? 'no gradient clipping' : `gradients are clipped to a norm of ${clip}`,
      accumulate === 1 ? 'a step is one micro-batch' : `a step is the mean of ${accumulate} micro-batches`,
      ...(recipe.isRandom ? ['random numbers of a step follow from the seed and the number of the step'] : []),
    ]),
    ...section('a micro-batch', recipe.inputs.map(inputText)),
    ...section('losses, summed', recipe.losses.map(shortReportName)),
    ...section('metrics', recipe.metrics.map(shortReportName)),
    ...section(
      `weights, ${learned.reduce((all, { shape }) => all + count(shape), 0)} trainable parameters`,
      table([HEAD, ...rowsOf(weights).map(weightRow)], '<><<>>')
        .trimEnd()
        .split('\n'),
    ),
    ...section('layers', recipe.layers.flatMap(layerLines)),
  ]
  return `${lines.join('\n')}\n`
}
