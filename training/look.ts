/** How the run does on examples that it does not learn from, and what its layers decide for some that never change. */
import type { RouteRecord } from '../runtime/routing/record.ts'
import { checkFinite, divergedAt, meanAnswers, type MeanAnswers } from './answers.ts'
import { orderedBatches } from './data/batches.ts'
import type { Examples } from './data/fit.ts'
import type { Answers, BatchInputs, Machine } from './machine.ts'

export interface ToLookAt {
  readonly training: Examples
  readonly validation: Examples | null
  /** The maximum number of batches. */
  readonly most: number
  readonly given: BatchInputs
}

export interface Looked {
  /** Null where nothing was set aside. */
  readonly validation: (MeanAnswers & { readonly batches: number }) | null
  /** Of the first batch; null where it was not read back. */
  readonly routes: RouteRecord | null
}

/**
 * The first batches of the validation, or one of the training where there is none, each with what is given beside; null where the signal stops it
 * on the way. Throws a DivergedError.
 */
export async function look(
  machine: Machine,
  step: number,
  { training, validation, most, given }: ToLookAt,
  signal?: AbortSignal,
): Promise<Looked | null> {
  const answers: Answers[] = []
  for (const inputs of orderedBatches(validation ?? training, validation === null ? 1 : most)) {
    if (signal?.aborted === true) return null
    const answer = await machine.evaluate({ ...inputs, ...given }).catch(divergedAt(step))
    checkFinite(step, answer)
    answers.push(answer)
  }
  return {
    validation: validation === null ? null : { ...meanAnswers(answers), batches: answers.length },
    routes: answers[0]?.routes ?? null,
  }
}
