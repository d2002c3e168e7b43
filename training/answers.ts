/** What several batches answered, as one. */
import { NotFiniteError } from '../runtime/errors.ts'
import { DivergedError } from './errors.ts'
import type { Answers } from './machine.ts'

export interface MeanAnswers {
  readonly loss: number
  readonly losses: Readonly<Record<string, number>>
  readonly metrics: Readonly<Record<string, number>>
}

type Values = Readonly<Record<string, number>>

/** Of each name over those that have it. */
function means(all: readonly Values[]): Values {
  const names = [...new Set(all.flatMap((values) => Object.keys(values)))]
  return Object.fromEntries(
    names.map((name) => {
      const values = all.flatMap((each) => (Object.hasOwn(each, name) ? [each[name]] : []))
      return [name, values.reduce((sum, value) => sum + value, 0) / values.length]
    }),
  )
}

export function meanAnswers(answers: readonly Answers[]): MeanAnswers {
  const losses = means(answers.map((answer) => answer.losses))
  return {
    loss: Object.values(losses).reduce((sum, loss) => sum + loss, 0),
    losses,
    metrics: means(answers.map(({ metrics }) => metrics)),
  }
}

/** Throws a DivergedError for a loss that is no number; a metric may be none, such as a share of nothing. */
export function checkFinite(step: number, { losses }: Answers): void {
  for (const [name, value] of Object.entries(losses)) if (!Number.isFinite(value)) throw new DivergedError(step, name, value)
}

/** A `catch` handler for results of a machine: routing weights that are not finite also mean that the run has diverged. */
export const divergedAt =
  (step: number) =>
  (error: unknown): never => {
    throw error instanceof NotFiniteError ? new DivergedError(step, error.output, NaN) : error
  }
