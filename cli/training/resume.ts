/** What is to be said of a run that goes on otherwise than it began. */
import type { Recipe } from '../../plan/recipe.ts'
import { learningRateFactor } from '../../training/schedule/learning-rate.ts'
import type { Training } from '../../training/run.ts'
import type { Resumed } from '../../training/files/run.ts'

const number = (value: number): string => String(Number(value.toPrecision(4)))

function rateNote({ optimiser, schedule, steps }: Recipe, before: number, done: number): string {
  if (schedule.kind === 'constant' && done >= schedule.warmup) return `the rate stays ${number(optimiser.rate)}`
  const rate = (step: number, of: number): string => number(optimiser.rate * learningRateFactor(schedule, step, of))
  return `the rate follows ${schedule.kind} over ${steps} steps from here on, as it would have from the beginning: ${rate(done, steps)} at the next step, ${rate(Math.max(0, done - 1), before)} at the last`
}

/** A sentence each; none for a run that begins, or goes on as it was. */
export function resumeNotes(training: Training | Resumed): readonly string[] {
  const { recipe, machine, from, extendedFrom: lengthened } = training
  const other =
    'savedOn' in training && training.savedOn !== null && training.savedOn !== machine.adapter ? training.savedOn : null
  return [
    ...(lengthened === undefined
      ? []
      : [
          `the run was to have ${lengthened} steps and has ${recipe.steps} now: ${rateNote(recipe, lengthened, from?.step ?? 0)}`,
        ]),
    ...(other === null
      ? []
      : [`the run was on ${other} and goes on on ${machine.adapter}: its final weights will differ in rounding`]),
  ]
}
