/** Saves the state of a paused run, and resumes a run from a state. */
import type { Data } from '../data/data.ts'
import { fingerprint } from '../data/fingerprint.ts'
import type { StartEvent } from '../events.ts'
import type { Progress } from '../progress.ts'
import type { Training } from '../run.ts'
import { extendSchedule } from '../schedule/competition.ts'
import { checkSame } from './same.ts'
import type { Saved, SavedData } from './saved.ts'

const fingerprintsOf = ({ training, validation, teacher }: Training): SavedData => ({
  training: fingerprint(training),
  validation: validation == null ? null : fingerprint(validation),
  ...(teacher === undefined ? {} : { teacher: teacher.fingerprint }),
})

const vocabularyOf = (data: Data): Saved['vocabulary'] => (data.kind === 'stream' ? data.vocabulary : null)

/** The state to save at a checkpoint event of a run. */
export async function savedOf({ recipe, machine, training }: Training, start: StartEvent, progress: Progress): Promise<Saved> {
  const data = {
    training: start.training.fingerprint,
    validation: start.validation?.fingerprint ?? null,
    ...(start.teacher === undefined ? {} : { teacher: start.teacher.fingerprint }),
  }
  return {
    recipe,
    state: await machine.read(),
    progress,
    competitions: start.competitions,
    data,
    vocabulary: vocabularyOf(training),
    adapter: machine.adapter,
  }
}

export interface ResumedTraining extends Training {
  /** The adapter that computed the state; null if it was not recorded. */
  readonly savedOn: string | null
}

/**
 * Resumes a training run from a saved state: checks that it belongs to the same run and writes it to the machine. The recipe may
 * have more steps than the run had; its schedules are then those of the longer run, from here on. `name` is that of the state in
 * messages. Throws a ResumeError.
 */
export async function resumeFrom(name: string, saved: Saved, training: Training): Promise<ResumedTraining> {
  const { recipe, machine } = training
  const { steps } = saved.recipe
  const isLonger = recipe.steps > steps
  checkSame(
    name,
    isLonger ? { ...saved, recipe: { ...saved.recipe, steps: recipe.steps } } : saved,
    recipe,
    fingerprintsOf(training),
    vocabularyOf(training.training),
  )
  await machine.write(saved.state)
  const schedule = isLonger ? extendSchedule(saved.competitions, recipe, saved.progress.step) : saved.competitions
  return {
    ...training,
    from: saved.progress,
    competitions: schedule,
    savedOn: saved.adapter ?? null,
    ...(isLonger ? { extendedFrom: steps } : {}),
  }
}
