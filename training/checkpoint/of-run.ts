/** A run that stands still as what is saved of it, and a run that goes on from there. */
import type { Data } from '../data/data.ts'
import { fingerprint } from '../data/fingerprint.ts'
import type { StartEvent } from '../events.ts'
import type { Progress } from '../progress.ts'
import type { Training } from '../run.ts'
import { checkSame } from './same.ts'
import type { Saved, SavedData } from './saved.ts'

const printsOf = ({ training, validation }: Training): SavedData => ({ training: fingerprint(training), validation: validation == null ? null : fingerprint(validation) })

const vocabularyOf = (data: Data): Saved['vocabulary'] => (data.kind === 'stream' ? data.vocabulary : null)

/** What is to be saved where a run that began so tells of a checkpoint. */
export async function savedOf({ recipe, machine, training }: Training, start: StartEvent, progress: Progress): Promise<Saved> {
  const data = { training: start.training.fingerprint, validation: start.validation?.fingerprint ?? null }
  return { recipe, state: await machine.read(), progress, schedule: start.schedule, data, vocabulary: vocabularyOf(training) }
}

/**
 * A training that goes on from a saved state: checks that it is of the same run and brings the machine to its state. `name` is that of the
 * state in messages. Throws a ResumeError.
 */
export async function goOn(name: string, saved: Saved, training: Training): Promise<Training> {
  checkSame(name, saved, training.recipe, printsOf(training), vocabularyOf(training.training))
  await training.machine.write(saved.state)
  return { ...training, from: saved.progress, schedule: saved.schedule }
}
