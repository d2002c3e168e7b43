/** Checks that a saved state belongs to the run that is resumed. */
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

/** The leaves in which two JSON values differ, by their paths: `schedule.warmup`. */
export function differences(then: unknown, now: unknown, path = ''): readonly Difference[] {
  if (!isTree(then) || !isTree(now)) return Object.is(then, now) ? [] : [{ path, then: show(then), now: show(now) }]
  const keys = [...new Set([...Object.keys(then), ...Object.keys(now)])]
  return keys.flatMap((key) => differences(then[key], now[key], path === '' ? key : `${path}.${key}`))
}

function dataProblem(then: SavedData, now: SavedData): string | null {
  if (then.training !== now.training) return `its training set was ${then.training}, and is now ${now.training}`
  if (then.teacher !== now.teacher) return `its teacher was ${then.teacher ?? 'absent'}, and is now ${now.teacher ?? 'absent'}`
  if (then.validation === now.validation) return null
  return `its validation set was ${then.validation ?? 'absent'}, and is now ${now.validation ?? 'absent'}`
}

/** Throws a ResumeError with the differences. */
export function checkSame(file: string, saved: Saved, recipe: Recipe, data: SavedData, vocabulary: Saved['vocabulary']): void {
  if (saved.recipe.model !== recipe.model)
    throw new ResumeError(file, `is of the model '${saved.recipe.model}', not '${recipe.model}'`)
  const { program: before, ...then } = saved.recipe
  const { program, ...now } = recipe
  const found = differences(then, JSON.parse(JSON.stringify(now)))
  const shown = found.slice(0, 3).map(({ path, then, now }) => `${path} was ${then} and is ${now}`)
  if (found.length > 3) shown.push(`and ${found.length - 3} more`)
  const isShorter = found.length === 1 && found[0].path === 'steps'
  const help = isShorter ? '; a resumed run may have more steps, not fewer' : ''
  if (found.length > 0) throw new ResumeError(file, `is of another recipe: ${shown.join('; ')}${help}`)
  if (before !== program) throw new ResumeError(file, 'is of another model: the spec, or one of its parameters, has changed')
  const problem = dataProblem(saved.data, data)
  if (problem !== null) throw new ResumeError(file, `is of another run: ${problem}`)
  if (differences(saved.vocabulary, vocabulary).length > 0)
    throw new ResumeError(file, 'is of another run: its vocabulary was different')
  const missing = recipe.weights.find(({ name, shape }) => saved.state[name]?.shape.join() !== shape.join())
  if (missing !== undefined) throw new ResumeError(file, `lacks the weight ${missing.name} [${missing.shape.join(', ')}]`)
}
