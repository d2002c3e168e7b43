/** The whole of a run, as a stream of events: it goes on as it is asked for the next, and between two it is still. */
import type { TrainingEvent } from './events.ts'
import { createRun, type Training } from './run.ts'

const isMultiple = (step: number, every: number | null | undefined): boolean => every != null && every > 0 && step % every === 0

/**
 * Trains. Throws a FitError before the first step where data and model do not fit, a DivergedError where a loss is no number any more, and
 * whatever the machine throws.
 */
export async function* train(options: Training): AsyncGenerator<TrainingEvent, void> {
  const run = createRun(options)
  const {
    recipe: { steps },
    saveEvery,
    signal,
  } = options
  const isStopped = (): boolean => signal?.aborted === true
  yield run.start
  await run.begin()
  yield* await run.look()
  let step = run.progress().step
  while (step < steps && !isStopped()) {
    const stepped = await run.step()
    step = stepped.step
    yield stepped
    // what is stopped here is looked at when it goes on, if it does
    if (!isStopped() || step === steps) yield* await run.look()
    if (isMultiple(step, saveEvery) || step === steps || isStopped()) yield { kind: 'checkpoint', step, progress: run.progress() }
  }
  yield { kind: 'end', reason: step < steps ? 'stopped' : 'done', step, seconds: run.seconds() }
}
