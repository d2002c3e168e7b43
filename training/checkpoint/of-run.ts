/** A run that stands still as what is saved of it, and a run that goes on from there. */
import type { Data } from '../data/data.ts'
import { fingerprint } from '../data/fingerprint.ts'
import type { StartEvent } from '../events.ts'
import type { Progress } from '../progress.ts'
import type { Training } from '../run.ts'
import { lengthenSchedule } from '../schedule/contest.ts'
import { checkSame } from './same.ts'
import type { Saved, SavedData } from './saved.ts'

const printsOf = ({ training, validation }: Training): SavedData => ({
  training: fingerprint(training),
  validation: validation == null ? null : fingerprint(validation),
})

const vocabularyOf = (data: Data): Saved['vocabulary'] => (data.kind === 'stream' ? data.vocabulary : null)

/** The state to save for a checkpoint event of a run. */
export async function savedOf({ recipe, machine, training }: Training, start: StartEvent, progress: Progress): Promise<Saved> {
  const data = { training: start.training.fingerprint, validation: start.validation?.fingerprint ?? null }
  return {
    recipe,
    state: await machine.read(),
    progress,
    schedule: start.schedule,
    data,
    vocabulary: vocabularyOf(training),
    adapter: machine.adapter,
  }
}

export interface GoneOn extends Training {
  /** The adapter that computed the state; null if it is not recorded. */
  readonly savedOn: string | null
}

/**
 * A training that goes on from a saved state: checks that it is of the same run and brings the machine to its state. The recipe may have more
 * steps than the run had: schedules are then those of the longer run, from here on. `name` is that of the state in messages. Throws a ResumeError.
 */
export async function goOn(name: string, saved: Saved, training: Training): Promise<GoneOn> {
  const { recipe, machine } = training
  const { steps } = saved.recipe
  const isLonger = recipe.steps > steps
  checkSame(
    name,
    isLonger ? { ...saved, recipe: { ...saved.recipe, steps: recipe.steps } } : saved,
    recipe,
    printsOf(training),
    vocabularyOf(training.training),
  )
  await machine.write(saved.state)
  const schedule = isLonger ? lengthenSchedule(saved.schedule, recipe, saved.progress.step) : saved.schedule
  return {
    ...training,
    from: saved.progress,
    schedule,
    savedOn: saved.adapter ?? null,
    ...(isLonger ? { lengthened: steps } : {}),
  }
}
