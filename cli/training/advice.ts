/** Which parameters make a model that takes the examples: tried before they are named. */
import type { Recipe, RecipeInput } from '../../plan/recipe.ts'
import type { Data } from '../../training/data/data.ts'
import { requiredCount } from '../../training/data/fit.ts'
import type { FitError, FitNeed } from '../../training/errors.ts'
import type { Change, TrainingSpec } from './spec.ts'

/** A size of an input that has to be another. */
interface Wanted {
  readonly has: number
  readonly needs: number
  readonly of: (input: RecipeInput) => number | null
}

function wantedOf(need: FitNeed, kinds: number): readonly Wanted[] {
  if (need.kind === 'kinds') return [{ has: need.has, needs: Math.max(need.needs, kinds), of: ({ below }) => below }]
  // the first axis is that of the batch
  return need.needs.flatMap((needs, axis) =>
    needs === need.has[axis] ? [] : [{ has: need.has[axis], needs, of: ({ shape }: RecipeInput) => shape[axis + 1] }],
  )
}

const inputOf = (recipe: Recipe | null, name: string): RecipeInput | undefined =>
  recipe?.inputs.find((input) => input.name === name)

/** The change that gives a size of the input its value, beside one that gave others theirs. */
function changeFor(
  { has, needs, of }: Wanted,
  input: string,
  { parameters, graphs, recipeWith }: TrainingSpec,
  before: Change,
): Change | null {
  const sizes = [
    ['set', parameters],
    ['batch', graphs.recipe.batch],
  ] as const
  for (const [kind, known] of sizes) {
    for (const [name, value] of Object.entries(known)) {
      if (value !== has || Object.hasOwn(before[kind], name)) continue
      const change: Change = { ...before, [kind]: { ...before[kind], [name]: needs } }
      const found = inputOf(recipeWith(change), input)
      if (found !== undefined && of(found) === needs) return change
    }
  }
  return null
}

const settings = (change: Readonly<Record<string, number>>): readonly string[] =>
  Object.entries(change).map(([name, value]) => `${name}=${value}`)

/** `--set V=82 makes a model that takes them`, all that is learned from and validated with; null where no parameter does. */
export function fitAdvice({ input, need }: FitError, spec: TrainingSpec, data: readonly Data[]): string | null {
  if (input === null || need === null) return null
  let change: Change = { set: {}, batch: {} }
  const ignored = inputOf(spec.graphs.recipe, input)?.ignored
  for (const wanted of wantedOf(need, Math.max(...data.map((one) => requiredCount(one, input, ignored))))) {
    const next = changeFor(wanted, input, spec, change)
    if (next === null) return null
    change = next
  }
  const [set, batch] = [
    settings(change.set).map((one) => `--set ${one}`),
    settings(change.batch).map((one) => `${one.replace('=', ' = ')} in the \`batch\` of its train block`),
  ]
  return `${[...set, ...batch].join(' and ')} makes a model that takes them`
}
