/** The training loop, as a generator of events: the run is paused between two events. */
import type { TrainingEvent } from './events.ts'
import { createRun, type Training } from './run.ts'

const isMultiple = (step: number, every: number | null | undefined): boolean => every != null && every > 0 && step % every === 0

/**
 * Trains. Throws a FitError before the first step if data and model do not fit, a DivergedError if a loss or the gradients are
 * not finite, and whatever the machine throws.
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
  yield* await run.evaluate()
  let step = run.progress().step
  while (step < steps && !isStopped()) {
    const stepped = await run.step()
    step = stepped.step
    yield stepped
    // a stopped run is evaluated when it is resumed
    if (!isStopped() || step === steps) yield* await run.evaluate()
    if (isMultiple(step, saveEvery) || step === steps || isStopped()) yield { kind: 'checkpoint', step, progress: run.progress() }
  }
  yield { kind: 'end', reason: step < steps ? 'stopped' : 'done', step, seconds: run.seconds() }
}
