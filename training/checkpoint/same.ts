/** Whether a saved state is of the run that wants to go on. */
import type { Recipe } from '../../plan/recipe.ts'
import { ResumeError } from '../errors.ts'
import type { Saved, SavedData } from './saved.ts'

interface Difference {
  readonly path: string
  readonly then: string
  readonly now: string
}

const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60))

const isTree = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

/** Every leaf in which two JSON values differ: `optimiser.rate`. */
export function differences(then: unknown, now: unknown, path = ''): readonly Difference[] {
  if (!isTree(then) || !isTree(now)) return Object.is(then, now) ? [] : [{ path, then: show(then), now: show(now) }]
  const keys = [...new Set([...Object.keys(then), ...Object.keys(now)])]
  return keys.flatMap((key) => differences(then[key], now[key], path === '' ? key : `${path}.${key}`))
}

function dataProblem(then: SavedData, now: SavedData): string | null {
  if (then.training !== now.training) return `it learned from other examples: ${then.training}; here ${now.training}`
  if (then.validation === now.validation) return null
  return `it was validated with other examples: ${then.validation ?? 'none'}; here ${now.validation ?? 'none'}`
}

/** Throws a ResumeError that names what differs. */
export function checkSame(file: string, saved: Saved, recipe: Recipe, data: SavedData, vocabulary: Saved['vocabulary']): void {
  if (saved.recipe.model !== recipe.model)
    throw new ResumeError(file, `is of the model '${saved.recipe.model}', not of '${recipe.model}'`)
  const { program: before, ...then } = saved.recipe
  const { program, ...now } = recipe
  const found = differences(then, JSON.parse(JSON.stringify(now)))
  const shown = found.slice(0, 3).map(({ path, then, now }) => `${path} was ${then} and is ${now}`)
  if (found.length > 3) shown.push(`and ${found.length - 3} more`)
  const isShorter = found.length === 1 && found[0].path === 'steps'
  const help = isShorter ? '; a run goes on for as many steps as it was to have, or for more' : ''
  if (found.length > 0) throw new ResumeError(file, `is of another recipe: ${shown.join('; ')}${help}`)
  if (before !== program)
    throw new ResumeError(file, 'is of a model that computes something else: its spec, or a parameter of it, has changed')
  const problem = dataProblem(saved.data, data)
  if (problem !== null) throw new ResumeError(file, `is of another run: ${problem}`)
  if (differences(saved.vocabulary, vocabulary).length > 0)
    throw new ResumeError(file, 'is of another run: its tokens stood for other characters')
  const missing = recipe.weights.find(({ name, shape }) => saved.state[name]?.shape.join() !== shape.join())
  if (missing !== undefined) throw new ResumeError(file, `lacks the weight ${missing.name} [${missing.shape.join(', ')}]`)
}
